"""Picture file to model input, the same everywhere.

Evaluation and serving call `read_picture` and nothing else; training calls `decode` and `resize`
and augments after. What was done is a `Recipe`, and its hash travels with the model.
"""

from midrib.preprocessing.decoding import (
    LARGE_LIMITS,
    SUFFIXES,
    DecodeLimits,
    decode,
    upright_size,
)
from midrib.preprocessing.geometry import (
    centre_crop,
    place_of,
    resize,
    shrink_target,
    to_original,
    to_picture,
)
from midrib.preprocessing.reading import (
    as_input,
    read_large,
    read_picture,
    read_resized,
    read_view,
)
from midrib.preprocessing.recipe import LARGEST_SIDE, Recipe, require_implemented

__all__ = [
    "LARGEST_SIDE",
    "LARGE_LIMITS",
    "SUFFIXES",
    "DecodeLimits",
    "Recipe",
    "as_input",
    "centre_crop",
    "decode",
    "place_of",
    "read_large",
    "read_picture",
    "read_resized",
    "read_view",
    "require_implemented",
    "resize",
    "shrink_target",
    "to_original",
    "to_picture",
    "upright_size",
]

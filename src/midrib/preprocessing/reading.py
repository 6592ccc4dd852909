"""The one path from an encoded picture to pixels that a model was trained for."""

from __future__ import annotations

import numpy as np

from midrib.preprocessing.decoding import (
    DEFAULT_LIMITS,
    DecodeLimits,
    decode,
    decode_smaller,
    upright_size,
)
from midrib.preprocessing.geometry import centre_crop, resize, shrink_target
from midrib.preprocessing.recipe import Recipe
from midrib.records import Pixels, Size, View


def read_resized(data: bytes, recipe: Recipe, limits: DecodeLimits = DEFAULT_LIMITS) -> Pixels:
    """Decode and resize, before any crop: what training augments.

    Returns uint8, height × width × 3 (RGB), at least the canonical size. Raises ``PictureError``.
    """
    pixels, box = decode_smaller(data, at_least=shrink_target(recipe), limits=limits)
    return resize(pixels, recipe, box)


def read_picture(data: bytes, recipe: Recipe, limits: DecodeLimits = DEFAULT_LIMITS) -> Pixels:
    """Decode, resize and crop to the model's input: what evaluation and serving use.

    Returns uint8, height × width × 3 (RGB), of the canonical size. Raises ``PictureError``.
    """
    return centre_crop(read_resized(data, recipe, limits), recipe)


def read_view(data: bytes, recipe: Recipe, limits: DecodeLimits = DEFAULT_LIMITS) -> View:
    """`read_picture`, with the size of the upright picture that it is of."""
    return View(read_picture(data, recipe, limits), upright_size(data, limits))


def read_large(data: bytes, recipe: Recipe, limits: DecodeLimits = DEFAULT_LIMITS) -> View:
    """`read_view` of a picture that is to be looked at tile by tile: with all of its pixels."""
    large = decode(data, limits=limits)
    return View(as_input(large, recipe), Size(*large.shape[:2]), large)


def as_input(pixels: Pixels, recipe: Recipe) -> Pixels:
    """A decoded picture, or a part of one, as the model takes it.

    Args:
        pixels: uint8, height × width × 3.
        recipe: what to aim at.

    Returns:
        uint8, height × width × 3, of the canonical size.
    """
    return centre_crop(resize(np.ascontiguousarray(pixels), recipe), recipe)

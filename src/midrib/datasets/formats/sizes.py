"""How large a picture is when it is upright, from its header."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from midrib.datasets.formats.objects import Fault
from midrib.preprocessing.decoding import FORMATS, orientation_of
from midrib.preprocessing.orientation import QUARTER_TURNED


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels; nothing is decoded. Raises ``Fault``."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            turned = orientation_of(image) in QUARTER_TURNED
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Fault("not a picture", f"its size cannot be read: {problem}") from None
    return (height, width) if turned else (width, height)

"""How large a picture is when it is upright, from its header."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from midrib.datasets.formats.objects import Fault
from midrib.preprocessing.decoding import FORMATS
from midrib.preprocessing.orientation import QUARTER_TURNED

_ORIENTATION_TAG = 0x0112


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels; nothing is decoded. Raises ``Fault``."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            # Pillow turns a TIFF itself.
            turned = (
                image.format != "TIFF" and image.getexif().get(_ORIENTATION_TAG) in QUARTER_TURNED
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Fault("not a picture", f"its size cannot be read: {problem}") from None
    return (height, width) if turned else (width, height)

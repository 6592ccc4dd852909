"""How large a picture is: upright, from its header, and as annotations tell it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from midrib.datasets.formats.finding import may_block
from midrib.datasets.formats.objects import Fault, whole
from midrib.datasets.masks import MAX_PIXELS
from midrib.preprocessing.decoding import FORMATS, orientation_of
from midrib.preprocessing.orientation import QUARTER_TURNED


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels; nothing is decoded. Raises ``Fault``."""
    if may_block(path):
        raise Fault("not a picture", "it is no regular file")
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            turned = orientation_of(image) in QUARTER_TURNED
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Fault("not a picture", f"its size cannot be read: {problem}") from None
    return (height, width) if turned else (width, height)


def told_size(width: object, height: object) -> tuple[int, int] | None:
    """Width and height as a file tells them, None where it does not.

    Some tools write 0 for what they do not know. Raises ``Fault`` for a size that no picture has:
    masks are laid into it.
    """
    if width is None or height is None:
        return None
    across, down = whole(width, "width"), whole(height, "height")
    if across < 0 or down < 0 or across * down > MAX_PIXELS:
        raise Fault("no record", f"its size is {across:.6g} × {down:.6g} pixels")
    return (across, down) if across and down else None

"""Names of classes in a picture, in whatever script: drawn where a font has their letters."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from midrib.datasets.drawing.legend import RGB

_MOST_LETTERS = 60
_KEPT = 4096
_NO_LETTER = "\U0010ffff"  # a code point that is never a letter
_FONTS: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "arialuni.ttf",
    "segoeui.ttf",
    "msyh.ttc",
    "arial.ttf",
)
"""What systems carry, after the one that comes with Pillow; the first with all letters is taken."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def one_line(text: str) -> str:
    """``text`` without line breaks and what cannot be written as UTF-8, shortened."""
    whole = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    printable = "".join(letter for letter in whole if letter.isprintable())
    return printable if len(printable) <= _MOST_LETTERS else printable[: _MOST_LETTERS - 1] + "…"


@lru_cache(_KEPT)
def font_for(text: str, size: int) -> Font | None:
    """A font of ``size`` pixels that has every letter of ``text``; None where none has."""
    return next((font for font in _fonts(size) if _has(font, text)), None)


def text_size(text: str, font: Font) -> tuple[int, int]:
    """Width and height that `draw_text` fills, in pixels."""
    left, top, right, bottom = font.getbbox(text)
    return int(right - min(left, 0)) + 1, int(bottom - min(top, 0)) + 1


def draw_text(image: Image.Image, place: tuple[int, int], text: str, font: Font, ink: RGB) -> None:
    """Write ``text`` with its upper left corner at ``place``."""
    ImageDraw.Draw(image).text(place, text, fill=ink, font=font)


@cache
def _fonts(size: int) -> tuple[Font, ...]:
    found: list[Font] = [ImageFont.load_default(size)]
    for name in _FONTS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue  # this system does not have it
    return tuple(found)


def _has(font: Font, text: str) -> bool:
    return all(_letter_is_there(font, letter) for letter in set(text) if not letter.isspace())


@lru_cache(_KEPT)
def _letter_is_there(font: Font, letter: str) -> bool:
    return _drawn(font, letter) != _drawn(font, _NO_LETTER)


def _drawn(font: Font, letter: str) -> tuple[object, bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)

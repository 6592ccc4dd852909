"""A sheet as one picture: tiles in columns, a line of text below each."""

from __future__ import annotations

from PIL import Image, ImageDraw

from midrib.datasets.drawing.legend import RGB
from midrib.datasets.drawing.lettering import Font, draw_text, font_for, one_line, text_size
from midrib.datasets.drawing.sheets import Sheet, Tile
from midrib.datasets.records import Item
from midrib.errors import UsageError

MAX_COLUMNS = 50
_MOST_PIXELS = 178_956_970
_GAP = 8
_LETTERS = 13
_LINE = 18
_PAPER: RGB = (250, 250, 247)
_INK: RGB = (27, 33, 29)
_MUTED: RGB = (102, 112, 105)
_EMPTY: RGB = (226, 229, 223)


def draw_sheet(sheet: Sheet, *, columns: int, side: int) -> Image.Image:
    """The whole sheet, RGB, each picture in a square of ``side`` pixels.

    Raises ``UsageError`` for a sheet that would be too large for viewers.
    """
    columns = min(columns, max(len(sheet.tiles), 1))
    rows = -(-len(sheet.tiles) // columns)
    lines = 3 if any(tile.note for tile in sheet.tiles) else 2
    step = (side + _GAP, side + lines * _LINE + _GAP)
    width, height = columns * step[0] + _GAP, max(rows, 1) * step[1] + _GAP
    if not 1 <= columns <= MAX_COLUMNS or width * height > _MOST_PIXELS:
        raise UsageError(
            f"a sheet of {width:,} × {height:,} pixels",
            expected=f"at most {_MOST_PIXELS:,} pixels and {MAX_COLUMNS} columns",
            todo="show fewer or smaller pictures, or write an .html page",
        )
    whole = Image.new("RGB", (width, height), _PAPER)
    for place, tile in enumerate(sheet.tiles):
        row, column = divmod(place, columns)
        whole.paste(_cell(tile, side, lines), (_GAP + column * step[0], _GAP + row * step[1]))
    return whole


def caption(item: Item) -> str:
    """The classes of a picture, else how many objects it has, and its split."""
    said = ", ".join(item.labels)
    if not said:
        said = f"{len(item.annotations)} objects" if item.annotations else "no label"
    return f"{said} · {item.split}" if item.split else said


def _cell(tile: Tile, side: int, lines: int) -> Image.Image:
    """One tile with its lines of text, cut where they are too long."""
    cell = Image.new("RGB", (side, side + lines * _LINE), _PAPER)
    ImageDraw.Draw(cell).rectangle((0, 0, side - 1, side - 1), fill=_EMPTY)
    if tile.pixels is None:
        _write(cell, side // 2, "no longer there", _MUTED)
    else:
        picture = Image.fromarray(tile.pixels)
        cell.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    for line, (text, ink) in enumerate(
        ((caption(tile.item), _INK), (tile.item.path.name, _MUTED), (tile.note, _MUTED))
    ):
        if line < lines:
            _write(cell, side + line * _LINE, text, ink)
    return cell


def _write(cell: Image.Image, top: int, text: str, ink: RGB) -> None:
    """A line of text as far as it fits; letters that no font has are shown as '?'."""
    shown, font = _letters(one_line(text))
    while shown and text_size(shown, font)[0] > cell.width:
        shown = shown[:-2] + "…" if len(shown) > 2 and font_for("…", _LETTERS) else shown[:-1]
    draw_text(cell, (0, top + 2), shown, font, ink)


def _letters(text: str) -> tuple[str, Font]:
    font = font_for(text, _LETTERS)
    if font is None:
        text = "".join(letter if font_for(letter, _LETTERS) else "?" for letter in text)
        font = font_for(text, _LETTERS)
    if font is None:  # every letter is in some font, but no font has them all
        text = text.encode("ascii", "replace").decode("ascii")
        font = font_for(text, _LETTERS)
    if font is None:
        raise AssertionError("Pillow's own font has ASCII")
    return text, font

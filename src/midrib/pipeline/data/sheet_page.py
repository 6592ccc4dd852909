"""A sheet of pictures as a file: one PNG, or one HTML page that needs nothing beside it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from midrib.datasets import Dataset
from midrib.datasets.drawing import Sheet, Tile, caption, draw_sheet
from midrib.errors import MissingExtraError, UsageError
from midrib.storage import write_text, written_aside

SUFFIXES = (".html", ".png")
_TEMPLATES = Path(__file__).parent / "templates"


def require_writable(output: Path) -> None:
    """Raise ``UsageError`` unless a sheet can be written under this name."""
    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"the output is {output}",
            expected=f"a file that ends in {' or '.join(SUFFIXES)}",
            todo="name it so",
        )


def write_sheet(
    sheet: Sheet, output: Path, *, title: str, dataset: Dataset, columns: int, side: int
) -> None:
    """Write the sheet in the kind that its name tells, whole or not at all.

    Raises:
        UsageError: the name ends in neither, or a PNG would be too large.
        StorageError: the disk does not take it.
        MissingExtraError: a page is asked for and Jinja is not installed.
    """
    require_writable(output)
    if output.suffix.lower() == ".png":
        drawn = draw_sheet(sheet, columns=columns, side=side)
        with written_aside(output) as aside:
            drawn.save(aside, "PNG")
    else:
        page = render_sheet(sheet, title=title, dataset=dataset, columns=columns)
        write_text(output, page)


def render_sheet(sheet: Sheet, *, title: str, dataset: Dataset, columns: int) -> str:
    """The sheet as one HTML document: pictures and style inside, no script, no address.

    Raises ``MissingExtraError`` when Jinja is not installed.
    """
    try:
        from midrib.evaluation.pages import page_template

        template = page_template("sheet.html.jinja", _TEMPLATES)
    except ModuleNotFoundError as missing:
        raise MissingExtraError(f"the page ({missing.name})", extra="lab") from None
    return template.render(
        title=title,
        dataset=dataset,
        sheet=sheet,
        columns=columns,
        created=datetime.now().astimezone(),
        cells=[(tile, _data_uri(tile), caption(tile.item)) for tile in sheet.tiles],
        classes=_classes(sheet.tiles, sheet),
    )


def _data_uri(tile: Tile) -> str:
    encoded = tile.encoded()
    return "data:image/webp;base64," + base64.b64encode(encoded).decode("ascii") if encoded else ""


def _classes(tiles: Sequence[Tile], sheet: Sheet) -> list[tuple[str, str, int, int]]:
    """Each class that is seen: its name, colour, number, and how many pictures show it."""
    seen = Counter(label for tile in tiles for label in tile.item.named)
    legend = sheet.legend
    return [
        (label, "#{:02x}{:02x}{:02x}".format(*legend.colour(label)), legend.number(label), count)
        for label, count in sorted(seen.items())
    ]

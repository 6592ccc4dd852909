"""Pages of small pictures, and which of them come first."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midrib.datasets import Item, read_dataset
from midrib.datasets.annotations import Annotation
from midrib.datasets.drawing import caption, draw_sheet, sheet_of
from midrib.datasets.ranking import Remark, strange_measures, worst_first
from midrib.errors import UsageError

Draw = Callable[..., Path]
Classes = Callable[..., Path]


def test_page_has_its_pictures_alone(classes: Classes) -> None:
    """A page reads and draws only its own pictures, in order; the last one may be short."""
    found = read_dataset(classes(cat=7, dog=6))
    pages = [sheet_of(found.items, found.labels, page=page, per_page=5) for page in (1, 2, 3)]
    assert [len(page.tiles) for page in pages] == [5, 5, 3]
    assert [tile.item for page in pages for tile in page.tiles] == list(found.items)
    assert {(page.pages, page.pictures) for page in pages} == {(3, 13)}
    assert len({page.legend for page in pages}) == 1
    for page in (0, 4):
        with pytest.raises(UsageError, match="page"):
            sheet_of(found.items, found.labels, page=page, per_page=5)


def test_tiles_are_shrunk_never_enlarged_and_upright(draw: Draw, tmp_path: Path) -> None:
    """A tile is as its picture stands upright, at most as long as asked."""
    turned = Image.Exif()
    turned[0x0112] = 6
    large = draw(tmp_path / "large.jpg", size=(800, 400), exif=turned)
    small = draw(tmp_path / "small.png", size=(40, 30))
    items = [Item(large, ("a",), width=400, height=800), Item(small, ("a",), width=40, height=30)]
    first, second = sheet_of(items, ["a"], side=200).tiles
    assert first.pixels is not None
    assert second.pixels is not None
    assert first.pixels.shape == (200, 100, 3)
    assert second.pixels.shape == (30, 40, 3)
    assert Image.open(io.BytesIO(first.encoded())).size == (100, 200)


def test_objects_are_drawn_where_they_are_in_a_shrunk_picture(draw: Draw, tmp_path: Path) -> None:
    """Coordinates are of the whole picture, whatever the size of the tile."""
    path = draw(tmp_path / "large.jpg", size=(1600, 1200))
    box = Annotation("cat", (800, 600, 1600, 1200))
    item = Item(path, (), width=1600, height=1200, annotations=(box,))
    plain = sheet_of([Item(path, (), width=1600, height=1200)], ["cat"], side=400).tiles[0].pixels
    drawn = sheet_of([item], ["cat"], side=400).tiles[0].pixels
    assert plain is not None
    assert drawn is not None
    rows, columns = np.nonzero((plain != drawn).any(axis=2))
    assert (columns.min(), columns.max(), rows.max()) == (200, 399, 299)


def test_picture_that_has_gone_or_changed_leaves_an_empty_place(draw: Draw, tmp_path: Path) -> None:
    """A sheet of a folder that changes is drawn all the same."""
    there = draw(tmp_path / "1.png")
    gone, broken = tmp_path / "gone.png", tmp_path / "broken.png"
    broken.write_bytes(there.read_bytes()[:60])
    items = [Item(path, ("a",), width=24, height=16) for path in (there, gone, broken)]
    sheet = sheet_of(items, ["a"])
    assert [tile.pixels is None for tile in sheet.tiles] == [False, True, True]
    assert sheet.tiles[1].encoded() == b""
    assert draw_sheet(sheet, columns=2, side=64).width == 2 * 64 + 3 * 8


def test_sheet_as_a_picture_has_every_tile_in_its_column(draw: Draw, tmp_path: Path) -> None:
    """Tiles stand in rows of the asked number of columns, whatever their names."""
    names = ("猫.png", "собака.png", "x" * 200 + ".png", "a b.png", "ü.png")
    items = [Item(draw(tmp_path / name), ("猫",), width=24, height=16) for name in names]
    sheet = sheet_of(items, ["猫"], notes={items[0].path: "न too dark " * 30})
    drawn = draw_sheet(sheet, columns=3, side=48)
    assert drawn.size == (3 * 56 + 8, 2 * (48 + 3 * 18 + 8) + 8)
    with pytest.raises(UsageError, match="columns"):
        draw_sheet(sheet_of(items * 20, ["猫"], per_page=100), columns=51, side=48)


def test_no_pictures_are_an_empty_sheet() -> None:
    """A gallery without pictures is a page without tiles."""
    assert sheet_of([], []).tiles == ()


def test_caption_says_what_a_picture_is() -> None:
    """Classes, else the number of objects, and the split."""
    path, box = Path("x.png"), Annotation("cat", (0, 0, 1, 1))
    assert caption(Item(path, ("a", "b"), split="test")) == "a, b · test"
    assert caption(Item(path, (), annotations=(box, box))) == "2 objects"
    assert caption(Item(path, ())) == "no label"


def test_worst_come_first_by_their_gravest_remark() -> None:
    """One grave remark is worse than many slight ones; who has none is not named."""
    a, b, c, d = (Item(Path(f"/{name}.png"), ("x",)) for name in "abcd")
    remarks = [
        Remark(a.path, 1, "note"),
        Remark(b.path, 3, "leak"),
        Remark(a.path, 2, "dark"),
        Remark(c.path, 2, "dark"),
        Remark(Path("/elsewhere.png"), 9, "none of them"),
    ]
    ranked = worst_first([a, b, c, d], remarks)
    assert [each.item for each in ranked] == [b, a, c]
    assert ranked[1].note == "dark; note"


def test_strangest_pictures_are_told_by_what_is_strange(draw: Draw, tmp_path: Path) -> None:
    """A picture of another shape and size than all others is named; alike ones are not."""
    rng = np.random.default_rng(0)
    for number in range(20):
        width, height = rng.integers(90, 110, 2)
        draw(tmp_path / "data" / "ab"[number % 2] / f"{number}.png", size=(width, height))
    strange = draw(tmp_path / "data" / "a" / "strange.png", size=(900, 20))
    found = strange_measures(read_dataset(tmp_path / "data").items)
    told = {remark.text for remark in found if remark.path == strange}
    assert "shape far above the others'" in told
    assert all(0 < remark.gravity < 1 for remark in found)
    first = worst_first(read_dataset(tmp_path / "data").items, found)[0]
    assert first.item.path == strange


def test_among_equal_pictures_only_what_is_really_other_is_strange(tmp_path: Path) -> None:
    """Where most are exactly alike a trifle is not strange, and twice the size is."""
    sides = [100] * 9 + [101, 200]
    items = [
        Item(tmp_path / f"{side}-{n}.png", ("a",), bytes=side**2, width=side, height=side)
        for n, side in enumerate(sides)
    ]
    assert {remark.path for remark in strange_measures(items)} == {items[-1].path}
    assert strange_measures([]) == []

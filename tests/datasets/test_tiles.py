"""Pictures cut into tiles lose no pixel, and what stands in them goes along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midrib.datasets import Dataset, Item
from midrib.datasets.annotations import Annotation, spanned
from midrib.datasets.masks import decode_mask, encode_mask, rasterize
from midrib.datasets.tiles import TileConfig, cut_annotation, cut_dataset
from midrib.errors import UsageError
from midrib.tiling import Tile, tiles_over

HEIGHT, WIDTH = 60, 90
numbers = st.integers(0, 60)


@st.composite
def objects(draw: st.DrawFn) -> Annotation:
    """A rectangle as box, outline or mask."""
    left, top = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 2))
    right, bottom = draw(st.integers(left + 1, WIDTH)), draw(st.integers(top + 1, HEIGHT))
    box = (float(left), float(top), float(right), float(bottom))
    corners = (box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3])
    mask = encode_mask(rasterize([corners], HEIGHT, WIDTH))
    kind = draw(st.sampled_from(["box", "outline", "mask", "both"]))
    return Annotation(
        "a",
        box,
        polygons=(corners,) if kind in {"outline", "both"} else (),
        mask=mask if kind in {"mask", "both"} else None,
        attributes=(("iscrowd", "no"),),
    )


@given(objects(), st.integers(16, 64), st.integers(0, 12))
def test_the_parts_of_an_object_are_the_object(
    annotation: Annotation, size: int, overlap: int
) -> None:
    """Whatever share counts, parts in the tiles put back are all of the object and no more."""
    painted = np.zeros((HEIGHT, WIDTH), np.bool_)
    for tile in tiles_over(HEIGHT, WIDTH, size=size, overlap=overlap):
        part = cut_annotation(annotation, tile, 1e-6)
        if part is None:
            continue
        assert part.attributes == annotation.attributes
        left, top, right, bottom = part.xyxy
        assert 0 <= left < right <= tile.width
        assert 0 <= top < bottom <= tile.height
        if part.polygons:
            assert spanned(part.polygons) == part.xyxy
        if part.mask is not None:
            drawn = decode_mask(part.mask)
            assert drawn.shape == (tile.height, tile.width)
        else:
            corners = (left, top, right, top, right, bottom, left, bottom)
            drawn = rasterize(part.polygons or [corners], tile.height, tile.width)
        tile.cut(painted)[:] |= drawn
    left, top, right, bottom = map(int, annotation.xyxy)
    expected = np.zeros_like(painted)
    expected[top:bottom, left:right] = True
    np.testing.assert_array_equal(painted, expected)


@pytest.mark.parametrize("kind", ["box", "outline", "mask"])
def test_an_object_counts_where_enough_of_it_is_seen(kind: str) -> None:
    """A tile that sees a quarter of an object has it, one that sees less has not."""
    corners = (10.0, 0.0, 50.0, 0.0, 50.0, 10.0, 10.0, 10.0)
    annotation = Annotation(
        "a",
        (10.0, 0.0, 50.0, 10.0),
        polygons=(corners,) if kind == "outline" else (),
        mask=encode_mask(rasterize([corners], HEIGHT, WIDTH)) if kind == "mask" else None,
    )
    assert cut_annotation(annotation, Tile(0, 0, 20, 20), 0.25) is not None
    assert cut_annotation(annotation, Tile(0, 0, 19, 20), 0.25) is None
    assert cut_annotation(annotation, Tile(0, 30, 60, 20), 0.25) is None


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def test_tiles_put_together_are_the_picture(tmp_path: Path) -> None:
    """Tiles hold the picture's own pixels, upright, grey ones as grey, under names of place."""
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (50, 70), dtype=np.uint8)
    colour = random.integers(0, 256, (40, 33, 3), dtype=np.uint8)
    items = (
        Item(save(tmp_path / "in/one/x.png", grey), ("one",), mode="L", split="train"),
        Item(save(tmp_path / "in/two/x.png", colour), ("two",), mode="RGB", group="a field"),
    )
    (tmp_path / "out").mkdir()
    config = TileConfig(size=32, overlap=8)
    seen: list[tuple[int, int]] = []
    tiles = cut_dataset(
        Dataset(tmp_path / "in", items, ("one", "two")),
        tmp_path / "out",
        config,
        lambda *place: seen.append(place),
    )
    assert seen == [(1, 2), (2, 2)]
    assert {item.group for item in tiles.items} == {"one/x.png", "a field"}
    assert len({item.path for item in tiles.items}) == len(tiles.items) == 6 + 4
    for item, original in zip(items, (grey, colour), strict=True):
        whole = np.zeros_like(original)
        for tile in (each for each in tiles.items if each.labels == item.labels):
            assert tile.split == item.split
            assert tile.mode == item.mode
            left, top = map(int, tile.path.stem.rpartition("@")[2].split(","))
            pixels = np.asarray(Image.open(tile.path))
            assert pixels.shape[:2] == (tile.height, tile.width)
            whole[top : top + tile.height, left : left + tile.width] = pixels
        np.testing.assert_array_equal(whole, original)


def test_an_overlap_as_large_as_the_tile_is_refused_first(tmp_path: Path) -> None:
    """What cannot be is refused before a picture is opened."""
    nothing = Dataset(tmp_path, (Item(tmp_path / "missing.png", ("a",)),), ("a",))
    with pytest.raises(UsageError, match="overlap"):
        cut_dataset(nothing, tmp_path, TileConfig(size=32, overlap=32))

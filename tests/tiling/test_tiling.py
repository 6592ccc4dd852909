"""Tiles cover a picture, and what was found in them is found once in the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.errors import ConfigError, UsageError
from midrib.records import Found
from midrib.tiling import Tile, Tiling, merge_found, stitch, tiles_over

sides = st.integers(1, 200)


@st.composite
def layouts(draw: st.DrawFn, least_overlap: int = 0) -> tuple[int, int, int, int]:
    """Height, width, size, overlap."""
    size = draw(st.integers(least_overlap + 8, 80))
    return draw(sides), draw(sides), size, draw(st.integers(least_overlap, size - 4))


def boxes_of(xyxy: np.ndarray, classes: list[int], scores: list[float]) -> Found:
    return Found(
        xyxy.astype(np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(classes, np.int64),
    )


def perfect_detector(tile: Tile, xyxy: np.ndarray, classes: np.ndarray) -> Found:
    """What of each object a tile sees."""
    corner = np.array([tile.left, tile.top, tile.left, tile.top])
    bounds = np.array([tile.width, tile.height, tile.width, tile.height])
    cut = np.clip(xyxy - corner, 0, bounds)
    seen = (cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])
    return boxes_of(cut[seen], classes[seen].tolist(), [0.9] * int(seen.sum()))


@given(layouts())
def test_tiles_cover_the_picture(layout: tuple[int, int, int, int]) -> None:
    """Every pixel is in a tile, no tile leaves the picture, neighbours share what was asked."""
    height, width, size, overlap = layout
    tiles = tiles_over(height, width, size=size, overlap=overlap)
    covered = np.zeros((height, width), np.bool_)
    for tile in tiles:
        assert (tile.height, tile.width) == (min(size, height), min(size, width))
        assert tile.left >= 0
        assert tile.top >= 0
        assert tile.right <= width
        assert tile.bottom <= height
        tile.cut(covered)[:] = True
    assert covered.all()
    lefts = sorted({tile.left for tile in tiles})
    assert all(b - a <= size - overlap for a, b in pairwise(lefts))
    assert len(set(tiles)) == len(tiles)


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 10), (10, 12), (10, -1)])
def test_tiles_that_do_not_go_on_are_refused(size: int, overlap: int) -> None:
    """An overlap of the whole tile would never end."""
    with pytest.raises(UsageError, match="overlap"):
        tiles_over(100, 100, size=size, overlap=overlap)


@given(layouts(), st.integers(0, 1000))
def test_a_map_cut_and_stitched_is_the_map(layout: tuple[int, int, int, int], seed: int) -> None:
    """Tiles of a map, stitched, give the map back."""
    height, width, size, overlap = layout
    whole = np.random.default_rng(seed).random((height, width, 2), dtype=np.float32)
    tiles = tiles_over(height, width, size=size, overlap=overlap)
    stitched = stitch([(tile, tile.cut(whole)) for tile in tiles], height, width)
    np.testing.assert_allclose(stitched, whole, rtol=1e-5)
    mask = whole[..., :1] > 0.5
    parts = [(tile, tile.cut(mask).astype(np.float32)) for tile in tiles]
    np.testing.assert_array_equal(stitch(parts, height, width) > 0.5, mask)


@given(layouts(least_overlap=2), st.data())
def test_objects_cut_by_seams_are_found_once(
    layout: tuple[int, int, int, int], data: st.DataObject
) -> None:
    """A detector that sees in each tile what is there finds each object of the picture once."""
    height, width, size, overlap = layout
    objects: list[tuple[int, int, int, int]] = []
    for _ in range(data.draw(st.integers(0, 5))):
        left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        box = (
            left,
            top,
            data.draw(st.integers(left + 1, width)),
            data.draw(st.integers(top + 1, height)),
        )
        apart = all(
            box[2] <= o[0] or o[2] <= box[0] or box[3] <= o[1] or o[3] <= box[1] for o in objects
        )
        if apart:
            objects.append(box)
    xyxy = np.array(objects, float).reshape(-1, 4)
    classes = np.array([index % 2 for index in range(len(objects))], int)
    tiles = tiles_over(height, width, size=size, overlap=overlap)
    merged = merge_found([(tile, perfect_detector(tile, xyxy, classes)) for tile in tiles])
    found = sorted(
        (*box, kind) for box, kind in zip(merged.boxes.tolist(), merged.classes, strict=True)
    )
    assert found == sorted((*box, kind) for box, kind in zip(xyxy.tolist(), classes, strict=True))


def test_two_classes_in_one_place_stay_two() -> None:
    """Boxes of different classes are never merged, and the best score comes first."""
    left, right = tiles_over(40, 60, size=40, overlap=20)
    box = np.array([[24, 5, 36, 20]])
    found = [
        (left, boxes_of(box, [0], [0.4])),
        (right, boxes_of(box - [20, 0, 20, 0], [1], [0.8])),
    ]
    merged = merge_found(found)
    assert merged.classes.tolist() == [1, 0]
    assert merged.scores.tolist() == pytest.approx([0.8, 0.4])


def test_the_best_whole_box_stands_for_its_object() -> None:
    """Where a tile sees the whole of an object, boxes cut by a seam do not stretch it."""
    left, right = tiles_over(40, 60, size=40, overlap=20)
    found = [
        (left, boxes_of(np.array([[22, 5, 40, 20]]), [0], [0.9])),
        (right, boxes_of(np.array([[3, 5, 24, 19]]), [0], [0.7])),
    ]
    merged = merge_found(found)
    assert merged.boxes.tolist() == [[23, 5, 44, 19]]
    assert merged.scores.tolist() == pytest.approx([0.9])


def test_nothing_found_is_nothing() -> None:
    """Tiles without a box give no box."""
    tiles = tiles_over(40, 60, size=40, overlap=20)
    none = boxes_of(np.zeros((0, 4)), [], [])
    assert len(merge_found([(tile, none) for tile in tiles]).scores) == 0
    assert len(merge_found([]).scores) == 0


def test_a_piece_of_a_whole_object_is_left_out() -> None:
    """What a seam cuts and lies in an object that the next tile sees whole is no second object."""
    left, right = tiles_over(40, 60, size=40, overlap=20)
    found = [
        (left, boxes_of(np.array([[34, 5, 40, 12], [22, 30, 40, 38]]), [0, 0], [0.9, 0.8])),
        (right, boxes_of(np.array([[3, 5, 30, 25]]), [0], [0.7])),
    ]
    merged = merge_found(found)
    assert merged.boxes.tolist() == [[22, 30, 40, 38], [23, 5, 50, 25]]


def test_tiles_share_at_most_half() -> None:
    """Unless it is said tiles overlap by a quarter; more than half would be looked at thrice."""
    assert Tiling.of(256) == Tiling(size=256, overlap=64)
    assert Tiling.of(256, 0).overlap == 0
    with pytest.raises(ConfigError, match="at most half"):
        Tiling.of(256, 129)

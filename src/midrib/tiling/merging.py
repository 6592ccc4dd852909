"""Boxes that were found in tiles to boxes of the picture: an object on a seam is found once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from midrib.records import Floats
from midrib.tiling.tiles import Tile

AGREEMENT = 0.5
"""Intersection over union, within what two tiles both see, from which two boxes are one object."""

_AT_THE_SEAM = 1.5  # pixels from a tile's inner edge within which a box may go on beyond it


@dataclass(frozen=True)
class Boxes:
    """What a detector found.

    ``xyxy``: float32, count × 4 (left, top, right, bottom), in pixels. ``scores``: float32,
    count, 0 to 1. ``classes``: int64, count.
    """

    xyxy: Floats
    scores: Floats
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


def merge_boxes(found: Sequence[tuple[Tile, Boxes]], *, agreement: float = AGREEMENT) -> Boxes:
    """What was found in overlapping tiles, as boxes of the whole picture, best score first.

    Two boxes of one class from two tiles are of one object if, within the part that both tiles
    see, they agree: so a part of an object in one tile and another part in the next find each
    other, which suppression by plain overlap cannot tell from two objects. The best box that no
    seam cuts stands for its object; where all are cut, what they span together.

    Args:
        found: tiles of one picture, each with its boxes in pixels of the tile, at most one an
            object (suppress within a tile first).
        agreement: see `AGREEMENT`.
    """
    if not found:
        return Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    tiles = [tile for tile, _ in found]
    owner = np.repeat(np.arange(len(found)), [len(boxes) for _, boxes in found])
    whole = Boxes(
        np.concatenate([_moved(boxes.xyxy, tile) for tile, boxes in found]),
        np.concatenate([boxes.scores for _, boxes in found]),
        np.concatenate([boxes.classes for _, boxes in found]),
    )
    groups = _grouped(_agreeing(tiles, owner, whole, agreement), owner)
    is_cut = _cut_by_seams(tiles, owner, whole.xyxy)
    merged = [_one_of(np.array(group), whole, is_cut) for group in groups]
    scores = np.array([whole.scores[group].max() for group in groups], np.float32)
    order = np.argsort(-scores, kind="stable")
    classes = np.array([whole.classes[group[0]] for group in groups], np.int64)
    return Boxes(np.array(merged, np.float32).reshape(-1, 4)[order], scores[order], classes[order])


def _moved(xyxy: Floats, tile: Tile) -> Floats:
    """From pixels of the tile to pixels of the picture."""
    return xyxy + np.array([tile.left, tile.top, tile.left, tile.top], np.float32)


def _agreeing(
    tiles: Sequence[Tile], owner: NDArray[np.int64], boxes: Boxes, agreement: float
) -> Iterator[tuple[float, int, int]]:
    """Pairs of boxes of two tiles that agree, each with how much."""
    members = [np.flatnonzero(owner == index) for index in range(len(tiles))]
    for one, other in combinations(range(len(tiles)), 2):
        shared = _intersection(np.array(tiles[one].xyxy), np.array(tiles[other].xyxy))
        if _areas(shared) <= 0 or not len(members[one]) or not len(members[other]):
            continue
        mine = _intersection(boxes.xyxy[members[one]], shared)[:, None]
        theirs = _intersection(boxes.xyxy[members[other]], shared)[None]
        both = _areas(_intersection(mine, theirs))
        either = _areas(mine) + _areas(theirs) - both
        alike = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        same = boxes.classes[members[one]][:, None] == boxes.classes[members[other]][None]
        for row, column in zip(*np.nonzero(same & (alike >= agreement) & (both > 0)), strict=True):
            yield float(alike[row, column]), int(members[one][row]), int(members[other][column])


def _grouped(pairs: Iterator[tuple[float, int, int]], owner: NDArray[np.int64]) -> list[list[int]]:
    """Boxes of one object each: those that agree best first, and at most one of each tile."""
    group_of = {index: [index] for index in range(len(owner))}
    for _, one, other in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        mine, theirs = group_of[one], group_of[other]
        if {owner[index] for index in mine}.isdisjoint(owner[index] for index in theirs):
            mine += theirs
            group_of |= dict.fromkeys(theirs, mine)
    return [group for index, group in group_of.items() if group[0] == index]


def _cut_by_seams(
    tiles: Sequence[Tile], owner: NDArray[np.int64], xyxy: Floats
) -> NDArray[np.bool_]:
    """Which boxes touch an edge of their tile that is no edge of the picture."""
    edges = np.array([tile.xyxy for tile in tiles], np.float32).reshape(-1, 4)
    picture = np.array([0, 0, *edges[:, 2:].max(axis=0, initial=0)])
    inner = (edges != picture)[owner]
    near: NDArray[np.bool_] = np.abs(xyxy - edges[owner]) <= _AT_THE_SEAM
    cut: NDArray[np.bool_] = (near & inner).any(axis=1)
    return cut


def _one_of(group: NDArray[np.int64], boxes: Boxes, is_cut: NDArray[np.bool_]) -> Floats:
    uncut = group[~is_cut[group]]
    if len(uncut):
        best: Floats = boxes.xyxy[uncut[np.argmax(boxes.scores[uncut])]]
        return best
    lowest, highest = boxes.xyxy[group].min(axis=0), boxes.xyxy[group].max(axis=0)
    return np.concatenate([lowest[:2], highest[2:]])


def _intersection(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.floating]:
    low = np.maximum(one[..., :2], other[..., :2])
    return np.concatenate([low, np.maximum(low, np.minimum(one[..., 2:], other[..., 2:]))], -1)


def _areas(xyxy: NDArray[np.floating]) -> NDArray[np.floating]:
    areas: NDArray[np.floating] = np.prod(xyxy[..., 2:] - xyxy[..., :2], axis=-1)
    return areas

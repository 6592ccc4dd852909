"""What was found in tiles as objects of the picture: an object on a seam is found once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from midrib.records import Floats, Found
from midrib.tiling.tiles import Tile

AGREEMENT = 0.5
"""Intersection over union, within what two tiles both see, from which two boxes are one object."""

COVERED = 0.7
"""Share of a piece that lies in a whole object of its class from which it is a piece of that."""

_AT_THE_SEAM = 1.5  # pixels from a tile's inner edge within which a box may go on beyond it


def merge_found(found: Sequence[tuple[Tile, Found]], *, agreement: float = AGREEMENT) -> Found:
    """What was found in overlapping tiles, as objects of the whole picture, surest first.

    Two boxes of one class from two tiles are of one object if, within the part that both tiles
    see, they agree: so a part of an object in one tile and another part in the next find each
    other, which suppression by plain overlap cannot tell from two objects. The surest box that no
    seam cuts stands for its object; where all are cut, what they span together. What a seam cuts,
    that found no other part and lies in a whole object, is left out as a piece of it.

    Args:
        found: tiles of one picture, each with its objects in pixels of the tile, at most one box
            an object (suppress within a tile first).
        agreement: see `AGREEMENT`.
    """
    if not found:
        return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    tiles = [tile for tile, _ in found]
    owner = np.repeat(np.arange(len(found)), [len(each.scores) for _, each in found])
    parts = Found(
        np.concatenate([_moved(each.boxes, tile) for tile, each in found]),
        np.concatenate([each.scores for _, each in found]),
        np.concatenate([each.classes for _, each in found]),
    )
    groups = _grouped(_agreeing(tiles, owner, parts, agreement), owner)
    is_cut = _cut_by_seams(tiles, owner, parts.boxes)
    whole = Found(
        np.array([_one_of(group, parts, is_cut) for group in groups], np.float32).reshape(-1, 4),
        np.array([parts.scores[group].max() for group in groups], np.float32),
        np.array([parts.classes[group[0]] for group in groups], np.int64),
    )
    is_piece = np.array([len(group) == 1 and is_cut[group[0]] for group in groups], np.bool_)
    kept = np.flatnonzero(~_covered(whole, is_piece))
    return whole.only(kept[np.argsort(-whole.scores[kept], kind="stable")])


def _moved(boxes: Floats, tile: Tile) -> Floats:
    """From pixels of the tile to pixels of the picture."""
    return boxes + np.array([tile.left, tile.top, tile.left, tile.top], np.float32)


def _agreeing(
    tiles: Sequence[Tile], owner: NDArray[np.int64], parts: Found, agreement: float
) -> Iterator[tuple[float, int, int]]:
    """Pairs of boxes of two tiles that agree, each with how much."""
    members = [np.flatnonzero(owner == index) for index in range(len(tiles))]
    for one, other, shared in _neighbours(tiles):
        mine = _intersection(parts.boxes[members[one]], shared)[:, None]
        theirs = _intersection(parts.boxes[members[other]], shared)[None]
        both = _areas(_intersection(mine, theirs))
        either = _areas(mine) + _areas(theirs) - both
        alike = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        same = parts.classes[members[one]][:, None] == parts.classes[members[other]][None]
        for row, column in zip(*np.nonzero(same & (alike >= agreement) & (both > 0)), strict=True):
            yield float(alike[row, column]), int(members[one][row]), int(members[other][column])


def _neighbours(tiles: Sequence[Tile]) -> Iterator[tuple[int, int, Floats]]:
    """Pairs of tiles that overlap, and the part that both see."""
    edges = np.array([tile.xyxy for tile in tiles], np.float32)
    for one, mine in enumerate(edges):
        shared = _intersection(edges[one + 1 :], mine)
        for step in np.flatnonzero(_areas(shared) > 0):
            yield one, one + 1 + int(step), shared[step]


def _grouped(
    pairs: Iterator[tuple[float, int, int]], owner: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Boxes of one object each: those that agree best first, and at most one of each tile."""
    group_of = {index: [index] for index in range(len(owner))}
    for _, one, other in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        mine, theirs = group_of[one], group_of[other]
        if {owner[index] for index in mine}.isdisjoint(owner[index] for index in theirs):
            mine += theirs
            group_of |= dict.fromkeys(theirs, mine)
    return [np.array(group) for index, group in group_of.items() if group[0] == index]


def _cut_by_seams(
    tiles: Sequence[Tile], owner: NDArray[np.int64], boxes: Floats
) -> NDArray[np.bool_]:
    """Which boxes touch an edge of their tile that is no edge of the picture."""
    edges = np.array([tile.xyxy for tile in tiles], np.float32).reshape(-1, 4)
    picture = np.array([0, 0, *edges[:, 2:].max(axis=0, initial=0)])
    inner = (edges != picture)[owner]
    near: NDArray[np.bool_] = np.abs(boxes - edges[owner]) <= _AT_THE_SEAM
    cut: NDArray[np.bool_] = (near & inner).any(axis=1)
    return cut


def _one_of(group: NDArray[np.int64], parts: Found, is_cut: NDArray[np.bool_]) -> Floats:
    uncut = group[~is_cut[group]]
    if len(uncut):
        best: Floats = parts.boxes[uncut[np.argmax(parts.scores[uncut])]]
        return best
    lowest, highest = parts.boxes[group].min(axis=0), parts.boxes[group].max(axis=0)
    return np.concatenate([lowest[:2], highest[2:]])


def _covered(whole: Found, is_piece: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the pieces lie in an object of their class that is none."""
    covered = np.zeros(len(is_piece), np.bool_)
    objects = whole.only(np.flatnonzero(~is_piece))
    for place in np.flatnonzero(is_piece):
        piece = whole.boxes[place]
        inside = _areas(_intersection(objects.boxes, piece)) >= COVERED * _areas(piece)
        covered[place] = np.any(inside & (objects.classes == whole.classes[place]))
    return covered


def _intersection(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.floating]:
    low = np.maximum(one[..., :2], other[..., :2])
    return np.concatenate([low, np.maximum(low, np.minimum(one[..., 2:], other[..., 2:]))], -1)


def _areas(xyxy: NDArray[np.floating]) -> NDArray[np.floating]:
    areas: NDArray[np.floating] = np.prod(xyxy[..., 2:] - xyxy[..., :2], axis=-1)
    return areas

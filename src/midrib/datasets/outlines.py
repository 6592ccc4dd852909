"""The edges of a mask's pixels, walked round to closed outlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from midrib.datasets.annotations import Polygon

Corner: TypeAlias = tuple[int, int]
"""x and y."""

Loop: TypeAlias = list[Corner]


def trace(mask: NDArray[np.bool_]) -> tuple[Polygon, ...]:
    """Closed outlines of the parts of ``mask``, height × width, each with its holes joined to it.

    The pixels lie to the right of the way, so that parts turn one way and holes the other.
    """
    parts: list[tuple[int, Loop]] = []
    holes: list[Loop] = []
    for loop in _loops(mask):
        area = _twice_area(loop)
        if area > 0:
            parts.append((area, loop))
        else:
            holes.append(loop)
    parts.sort(key=lambda part: part[0])  # the smallest around a hole is the one that it is in
    owned: dict[int, list[Loop]] = defaultdict(list)
    for hole in holes:
        owned[_owner(hole, [loop for _, loop in parts])].append(hole)
    found = [_flat(loop, owned[index]) for index, (_, loop) in enumerate(parts)]
    return tuple(sorted(found, key=lambda polygon: (polygon[1], polygon[0])))


def _loops(mask: NDArray[np.bool_]) -> Iterator[Loop]:
    """Every closed way along the edges, its corners only."""
    onward = _edges(mask)
    while onward:
        start = next(iter(onward))
        here, towards = start, onward[start][0]
        way: Loop = []
        while True:
            _use(onward, here, towards)
            step = (towards[0] - here[0], towards[1] - here[1])
            way.append(here)
            here = towards
            if here not in onward or (here == start and _closed(way, onward)):
                break
            towards = _next(onward[here], here, step)
        yield _corners(way)


def _closed(way: Loop, onward: dict[Corner, list[Corner]]) -> bool:
    """Whether a way that is back at its start turns there into its first edge, which is used."""
    start, before = way[0], way[-1]
    step = (start[0] - before[0], start[1] - before[1])
    right = (start[0] - step[1], start[1] + step[0])
    return way[1] == right or right not in onward[start]


def _next(choices: list[Corner], here: Corner, step: Corner) -> Corner:
    """Where two parts meet at a corner, keep to the right: to the part that is walked round."""
    right = (here[0] - step[1], here[1] + step[0])
    return right if right in choices else choices[0]


def _use(onward: dict[Corner, list[Corner]], here: Corner, towards: Corner) -> None:
    onward[here].remove(towards)
    if not onward[here]:
        del onward[here]


def _edges(mask: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """From each corner the corners that an edge leads to, pixels on its right."""
    padded = np.pad(mask, 1).astype(np.int8)
    down, across = np.diff(padded, axis=0)[:, 1:-1], np.diff(padded, axis=1)[1:-1]
    onward: dict[Corner, list[Corner]] = defaultdict(list)
    for (ys, xs), (from_x, from_y, to_x, to_y) in (
        (np.nonzero(down == 1), (0, 0, 1, 0)),  # upper edges, to the right
        (np.nonzero(across == -1), (0, 0, 0, 1)),  # right edges, down
        (np.nonzero(down == -1), (1, 0, 0, 0)),  # lower edges, to the left
        (np.nonzero(across == 1), (0, 1, 0, 0)),  # left edges, up
    ):
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            onward[x + from_x, y + from_y].append((x + to_x, y + to_y))
    return dict(onward)


def _corners(way: Loop) -> Loop:
    """The way without the points that it goes straight through."""
    pairs = zip(way[-1:] + way[:-1], way, way[1:] + way[:1], strict=True)
    return [here for before, here, after in pairs if not _straight(before, here, after)]


def _straight(before: Corner, here: Corner, after: Corner) -> bool:
    return before[0] == here[0] == after[0] or before[1] == here[1] == after[1]


def _twice_area(loop: Loop) -> int:
    pairs = zip(loop, loop[1:] + loop[:1], strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)


def _owner(hole: Loop, parts: list[Loop]) -> int:
    """The first part that goes round the hole."""
    x, y = min(hole, key=lambda corner: (corner[1], corner[0]))
    return next(index for index, part in enumerate(parts) if _around(part, x + 0.5, y + 0.5))


def _around(loop: Loop, x: float, y: float) -> bool:
    """Whether a ray to the right crosses the upright edges of ``loop`` an odd number of times."""
    pairs = zip(loop, loop[1:] + loop[:1], strict=True)
    return (
        sum(x0 == x1 and x0 > x and min(y0, y1) < y < max(y0, y1) for (x0, y0), (x1, y1) in pairs)
        % 2
        == 1
    )


def _flat(loop: Loop, holes: list[Loop]) -> Polygon:
    path = list(loop)
    for hole in holes:
        path += [loop[0], *hole, hole[0]]
    if holes:
        path.append(loop[0])
    return tuple(float(value) for corner in path for value in corner)

"""Outlines and boxes cut to a frame."""

from __future__ import annotations

from midrib.datasets.annotations import XYXY, Polygon

_Point = tuple[float, float]


def clipped_box(xyxy: XYXY, frame: XYXY) -> XYXY | None:
    """The part of a box inside ``frame``; None where they share no area."""
    left, top = max(xyxy[0], frame[0]), max(xyxy[1], frame[1])
    right, bottom = min(xyxy[2], frame[2]), min(xyxy[3], frame[3])
    return (left, top, right, bottom) if right > left and bottom > top else None


def box_area(xyxy: XYXY) -> float:
    """In square pixels."""
    return (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])


def clipped_polygon(polygon: Polygon, frame: XYXY) -> Polygon | None:
    """The part of an outline inside ``frame``; None where they share no area.

    Sutherland and Hodgman, Communications of the ACM 17 (1974). Where several parts remain they
    are joined along the frame's edge by lines without area.
    """
    points = list(zip(polygon[::2], polygon[1::2], strict=True))
    for axis in (0, 1):
        points = _clipped(points, axis, frame[axis], 1)
        points = _clipped(points, axis, frame[axis + 2], -1)
    cut = tuple(value for point in points for value in point)
    return cut if len(points) >= 3 and polygon_area(cut) > 0 else None


def polygon_area(polygon: Polygon) -> float:
    """In square pixels, by the shoelace formula; what an outline goes round twice counts twice."""
    xs, ys = polygon[::2], polygon[1::2]
    ahead = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in ahead)) / 2


def _clipped(points: list[_Point], axis: int, bound: float, sign: int) -> list[_Point]:
    """What of the outline lies above ``bound`` on ``axis``, or below it with a sign of -1."""
    kept: list[_Point] = []
    for point, before in zip(points, points[-1:] + points[:-1], strict=True):
        depth, depth_before = sign * (point[axis] - bound), sign * (before[axis] - bound)
        if depth * depth_before < 0:
            share = depth_before / (depth_before - depth)
            other = before[1 - axis] + share * (point[1 - axis] - before[1 - axis])
            kept.append((bound, other) if axis == 0 else (other, bound))
        if depth >= 0:
            kept.append(point)
    return kept

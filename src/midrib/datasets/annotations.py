"""What stands in a picture: boxes, polygons and masks, in pixels of the upright picture.

x grows to the right, y downwards; (0, 0) is the upper left corner of the upper left pixel, so
that a box over a whole picture is (0, 0, width, height).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from midrib.records import BACKGROUND, Rle

__all__ = ["XYXY", "Annotation", "Polygon", "Rle", "fault_of", "fault_of_polygon", "spanned"]

XYXY = tuple[float, float, float, float]
"""A box: left, top, right, bottom."""

Polygon = tuple[float, ...]
"""A closed outline: x0, y0, x1, y1, … of at least three corners."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One object in a picture.

    ``xyxy`` is always there; where only an outline or a mask was given it is what they span.
    ``crowd`` says that it stands for many objects of the class. ``attributes`` are whatever else
    the source says, as sorted pairs of name and text.
    """

    label: str
    xyxy: XYXY
    polygons: tuple[Polygon, ...] = ()
    mask: Rle | None = None
    crowd: bool = False
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def is_void(self) -> bool:
        """Whether it stands for pixels of which nothing is known: a crowd of the background."""
        return self.crowd and self.label == BACKGROUND

    def key(self) -> list[object]:
        """What tells it from others, JSON-ready; part of a dataset's version."""
        mask = [self.mask.height, self.mask.width, self.mask.counts] if self.mask else None
        outlines = [_numbers(polygon) for polygon in self.polygons]
        return [self.label, _numbers(self.xyxy), outlines, mask, self.crowd, self.attributes]


def _numbers(values: Iterable[float]) -> list[float]:
    """Equal numbers in one form: 1 as 1.0, -0.0 as 0.0."""
    return [float(value) + 0.0 for value in values]


def spanned(polygons: tuple[Polygon, ...]) -> XYXY:
    """The box that polygons span together."""
    xs = [x for polygon in polygons for x in polygon[::2]]
    ys = [y for polygon in polygons for y in polygon[1::2]]
    return min(xs), min(ys), max(xs), max(ys)


def fault_of(xyxy: XYXY) -> str:
    """Why these numbers are no box; empty when they are one. A box without area is none."""
    if not all(math.isfinite(value) for value in xyxy):
        return "not every number is finite"
    left, top, right, bottom = xyxy
    if right <= left or bottom <= top:
        return f"its width is {right - left:g} and its height {bottom - top:g}"
    return ""


def fault_of_polygon(polygon: Polygon) -> str:
    """Why these numbers are no outline; empty when they are one."""
    if len(polygon) < 6 or len(polygon) % 2:
        return f"{len(polygon)} numbers are not the x and y of at least three corners"
    if not all(math.isfinite(value) for value in polygon):
        return "not every number is finite"
    return ""

"""What a file says of an object to an `Annotation`, or why it cannot be meant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from midrib.datasets.annotations import (
    XYXY,
    Annotation,
    Polygon,
    Rle,
    fault_of,
    fault_of_polygon,
    spanned,
)
from midrib.datasets.masks import MaskError, checked_rle, span_of
from midrib.datasets.records import Problem
from midrib.errors import DataError

DECIMALS = 6
"""Of a coordinate in pixels: what all formats keep and none goes beyond."""

BEYOND_PIXELS = 1.0
"""By how much an object may stick out: tools differ in where they count the last pixel."""

MAX_CORNERS = 1_000_000
"""Of all outlines of one object."""


class Fault(DataError):
    """Why one annotation cannot be meant. ``kind`` is for counting."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind

    def at(self, path: Path, place: str) -> Problem:
        """The fault as a problem of a file, with the line or record where it stands."""
        return Problem(path, self.kind, f"{place}: {self.came}" if place else self.came)


def unreadable(problem: OSError) -> Fault:
    """A file that the system does not give, such as one that is gone since it was listed."""
    return Fault("unreadable", problem.strerror or str(problem))


def number(value: object, what: str) -> float:
    """A finite number of a file, given as such or as text. Raises ``Fault``."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise Fault("not a number", f"{what} is {_shown(value)}")
    try:
        found = math.nan if isinstance(value, str) and "_" in value else float(value)
    except (ValueError, OverflowError):
        raise Fault("not a number", f"{what} is {_shown(value)}") from None
    if not math.isfinite(found):
        raise Fault("not a number", f"{what} is {_shown(value)}")
    return found


def whole(value: object, what: str) -> int:
    """A whole number of a file. Raises ``Fault``."""
    found = number(value, what)
    if found != int(found):
        raise Fault("not a number", f"{what} is {_shown(value)}, not a whole number")
    return int(found)


def pixel(value: float) -> float:
    """A coordinate as precisely as it is kept; never -0.0."""
    return round(value, DECIMALS) + 0.0


def numbers(values: object, what: str, count: int = 0) -> list[float]:
    """A list of ``count`` finite numbers, any count for 0. Raises ``Fault``."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise Fault("not a number", f"{what} is {_shown(values)}, not a list of numbers")
    if count and len(values) != count:
        raise Fault("not a number", f"{what} has {len(values)} numbers, not {count}")
    return [number(value, f"{what}[{index}]") for index, value in enumerate(values)]


def polygon(values: Sequence[float]) -> Polygon:
    """A closed outline of x0, y0, x1, y1, … Raises ``Fault``."""
    found = tuple(pixel(value) for value in values)
    if fault := fault_of_polygon(found):
        raise Fault("bad outline", f"an outline: {fault}")
    if _is_flat(found):
        raise Fault("bad outline", "an outline: its corners lie on one line")
    if len(found) > 2 * MAX_CORNERS:
        raise Fault("bad outline", f"an outline has {len(found) // 2:,} corners")
    return found


def _is_flat(values: Polygon) -> bool:
    """Whether all corners lie on one line, so that there is nothing inside."""
    left, top = values[:2]
    across = down = 0.0  # to the first corner that is not the one it begins with
    for x, y in zip(values[2::2], values[3::2], strict=True):
        if not (across or down):
            across, down = x - left, y - top
        elif (x - left) * down != (y - top) * across:
            return False
    return True


def from_centre(cx: float, cy: float, width: float, height: float) -> XYXY:
    """A box by its centre and size."""
    return cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2


def annotation(
    label: str,
    size: tuple[int, int],
    *,
    xyxy: Sequence[float] | None = None,
    polygons: Sequence[Polygon] = (),
    mask: Rle | None = None,
    crowd: bool = False,
    attributes: Mapping[str, object] | None = None,
) -> Annotation:
    """An object in a picture of ``size`` (width, height; 0 where unknown).

    Without ``xyxy`` its box is what outline or mask spans. Raises ``Fault`` for a box without
    area, an outline without extent, a mask of another size and anything beyond the picture.
    """
    shape = _span(polygons, mask, size)
    found = _box(xyxy, shape)
    for each in (found, shape or found):
        _require_inside(each, size)
    return Annotation(
        label, found, tuple(polygons), mask, crowd, attributes=_attributes(attributes or {})
    )


def _span(polygons: Sequence[Polygon], mask: Rle | None, size: tuple[int, int]) -> XYXY | None:
    if mask:
        if all(size) and (mask.width, mask.height) != size:
            told = f"{mask.width} × {mask.height}"
            raise Fault(
                "bad mask", f"the mask has {told} pixels, the picture {size[0]} × {size[1]}"
            )
        try:
            return span_of(mask)
        except MaskError as problem:
            raise Fault("bad mask", problem.came) from None
    if not polygons:
        return None
    found = spanned(tuple(polygons))
    if fault := fault_of(found):
        raise Fault("bad outline", f"the outline: {fault}")
    return found


def _box(xyxy: Sequence[float] | None, shape: XYXY | None) -> XYXY:
    if xyxy is None:
        if shape is None:
            raise Fault("bad box", "it has neither box, outline nor mask")
        return shape
    left, top, right, bottom = (pixel(value) for value in xyxy)
    if fault := fault_of((left, top, right, bottom)):
        raise Fault("bad box", f"the box: {fault}")
    return left, top, right, bottom


def _require_inside(box: XYXY, size: tuple[int, int]) -> None:
    width, height = size
    if not (width and height):
        return
    left, top, right, bottom = box
    over = max(-left, -top, right - width, bottom - height)
    if over > BEYOND_PIXELS:
        told = ", ".join(f"{value:g}" for value in box)
        raise Fault("beyond the picture", f"({told}) lies beyond {width} × {height} pixels")


def checked_mask(rle: Rle) -> Rle:
    """A mask of a file in the form that equal masks share. Raises ``Fault``."""
    try:
        return checked_rle(rle)
    except MaskError as problem:
        raise Fault("bad mask", problem.came) from None


def _attributes(given: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), _text(value)) for name, value in given.items()))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text[:60] + ("…" if len(text) > 60 else "")

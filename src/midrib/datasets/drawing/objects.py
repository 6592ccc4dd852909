"""Boxes, outlines and masks drawn into a picture, each inside its own bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from midrib.datasets.annotations import XYXY, Annotation, Polygon, spanned
from midrib.datasets.drawing.legend import RGB, Legend
from midrib.datasets.drawing.tags import draw_tags
from midrib.datasets.masks import MaskError, decode_mask
from midrib.records import Pixels

_TINT = 0.4
_LINE_SHARE = 1 / 250
_FARTHEST = 1e6
_SHADOW: RGB = (20, 20, 20)
_ROOM_FOR_SHADOW = 8
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Whole pixels of the picture that an object lies in; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def draw_objects(
    pixels: Pixels,
    annotations: Sequence[Annotation],
    legend: Legend,
    *,
    size: tuple[int, int] | None = None,
    named: bool = True,
) -> Pixels:
    """A copy of a picture with what stands in it.

    A mask or an outline is tinted and edged, a box is a line along its inner side; none of them
    changes a pixel outside the object. Large objects come first, so that small ones stay to be
    seen. What lies beyond the picture is left out.

    Args:
        pixels: uint8, height × width × 3, perhaps smaller than the annotated picture.
        annotations: what to draw.
        legend: the colours of classes.
        size: height and width of the picture in whose pixels the coordinates are; None where it
            is ``pixels``.
        named: write the class at each object, unless that would hide the picture.
    """
    height, width = pixels.shape[:2]
    of_height, of_width = size or (height, width)
    scale = (width / max(of_width, 1), height / max(of_height, 1))
    line = line_width(height, width)
    drawn = pixels.copy()
    placed: list[tuple[Annotation, XYXY]] = []
    for each in sorted(annotations, key=_area, reverse=True):
        bounds = _bounds(each.xyxy, scale, (height, width))
        region = _region(each, scale, (height, width))
        if region is not None:
            where, mask = region
            _tint(drawn[where.slices], mask, legend.colour(each.label), line)
        elif bounds is not None:
            _frame(drawn[bounds.slices], legend.colour(each.label), line)
        if bounds is not None:
            place = (bounds.left, bounds.top, bounds.right, bounds.bottom)
            placed.append((each, place))
    return draw_tags(drawn, placed, legend) if named else drawn


def line_width(height: int, width: int) -> int:
    """How wide a line is to be seen and not to hide, in pixels of a picture."""
    return max(1, round(math.sqrt(height * width) * _LINE_SHARE))


def _area(annotation: Annotation) -> float:
    left, top, right, bottom = annotation.xyxy
    return (right - left) * (bottom - top)


def _bounds(xyxy: XYXY, scale: tuple[float, float], size: tuple[int, int]) -> _Bounds | None:
    """The whole pixels that a box touches; None where it lies beyond the picture."""
    (height, width), (across, down) = size, scale
    if not all(map(math.isfinite, xyxy)):
        return None
    left, right = max(0, math.floor(xyxy[0] * across)), min(width, math.ceil(xyxy[2] * across))
    top, bottom = max(0, math.floor(xyxy[1] * down)), min(height, math.ceil(xyxy[3] * down))
    return _Bounds(left, top, right, bottom) if right > left and bottom > top else None


def _region(
    annotation: Annotation, scale: tuple[float, float], size: tuple[int, int]
) -> tuple[_Bounds, _Mask] | None:
    """The pixels that a mask or outlines cover, and where; None where there is neither."""
    if annotation.mask is not None:
        try:
            return _shrunk(decode_mask(annotation.mask), size)
        except MaskError:
            return None  # its box is drawn instead
    if not annotation.polygons:
        return None
    bounds = _bounds(spanned(annotation.polygons), scale, size)
    if bounds is None:
        return None
    covered = Image.new("L", (bounds.shape[1], bounds.shape[0]))
    for polygon in annotation.polygons:
        _fill(covered, polygon, scale, bounds)
    return bounds, np.asarray(covered) > 0


def _fill(covered: Image.Image, polygon: Polygon, scale: tuple[float, float], at: _Bounds) -> None:
    """Fill an outline; corners are of pixels, while Pillow counts from their centres."""
    corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2) * scale
    corners = np.clip(corners - (at.left + 0.5, at.top + 0.5), -_FARTHEST, _FARTHEST)
    ImageDraw.Draw(covered).polygon([(float(x), float(y)) for x, y in corners], fill=255)


def _shrunk(mask: _Mask, size: tuple[int, int]) -> tuple[_Bounds, _Mask] | None:
    """A mask at the size of the drawn picture: every pixel of which it covers some."""
    height, width = size
    if mask.shape != size:
        image = Image.fromarray(mask.view(np.uint8) * np.uint8(255))
        # A reducing filter would lose what is thinner than a pixel.
        reduced = image.resize((width, height), Image.Resampling.BOX)
        mask = np.asarray(reduced) > 0
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    bounds = _Bounds(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return bounds, mask[bounds.slices]


def _tint(part: Pixels, mask: _Mask, colour: RGB, line: int) -> None:
    """Mix the colour into what the mask covers, and draw its inner edge in full."""
    tinted = part[mask] * (1 - _TINT) + np.asarray(colour) * _TINT
    part[mask] = np.round(tinted).astype(np.uint8)
    inner = mask
    for _ in range(line):
        inner = _eroded(inner)
    part[mask & ~inner] = colour


def _eroded(mask: _Mask) -> _Mask:
    """Without the pixels that have one outside the mask above, below or beside them."""
    padded = np.pad(mask, 1)
    around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    inner: _Mask = np.logical_and.reduce((mask, *around))
    return inner


def _frame(part: Pixels, colour: RGB, line: int) -> None:
    """A line along the inner side of a box, with a dark one inside it where there is room."""
    if min(part.shape[:2]) > _ROOM_FOR_SHADOW * line:
        shadow = line + 1
        part[:shadow] = part[-shadow:] = _SHADOW
        part[:, :shadow] = part[:, -shadow:] = _SHADOW
    part[:line] = part[-line:] = colour
    part[:, :line] = part[:, -line:] = colour

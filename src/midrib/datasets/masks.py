"""Masks: run lengths as COCO writes them, outlines to pixels and pixels to outlines.

What comes from a file is decoded and bounded in NumPy (`midrib.run_lengths`); pycocotools, whose C
does not check what it reads, is only given what was made or checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from midrib.datasets.annotations import (
    XYXY,
    Annotation,
    Polygon,
    Rle,
    fault_of_polygon,
    spanned,
)
from midrib.datasets.outlines import trace
from midrib.records import Mask, Size
from midrib.run_lengths import (
    MAX_PIXELS,
    MaskError,
    decode_runs,
    from_runs,
    require_fit,
    require_size,
    runs_of,
)

__all__ = [
    "MAX_PIXELS",
    "Mask",
    "MaskError",
    "area_of",
    "checked_rle",
    "decode_mask",
    "encode_mask",
    "joined",
    "mask_of",
    "outline",
    "rasterize",
    "rle_from_runs",
    "span_of",
]


def encode_mask(mask: Mask) -> Rle:
    """Run-length encode a mask, height × width."""
    height, width = mask.shape
    require_size(height, width)
    counts = _coco().encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return Rle(height, width, counts.decode("ascii"))


def decode_mask(rle: Rle) -> Mask:
    """The mask, height × width. Raises ``MaskError`` where ``rle`` is not of its size."""
    return decode_runs(rle)


def rle_from_runs(runs: Sequence[int], height: int, width: int) -> Rle:
    """Compress runs of 0 and 1 in turn, column by column. Raises ``MaskError``."""
    require_size(height, width)
    if len(runs) > height * width + 1:
        raise MaskError(f"{len(runs):,} runs for {height * width:,} pixels")
    try:
        numbers = np.array(runs, dtype=np.int64)
    except (OverflowError, TypeError, ValueError):
        raise MaskError("its runs are not all whole numbers") from None
    require_fit(numbers, height, width)
    return encode_mask(from_runs(numbers, height, width))


def checked_rle(rle: Rle) -> Rle:
    """``rle`` in the one form that equal masks share. Raises ``MaskError``."""
    runs = runs_of(rle)
    if np.any(runs[1:] == 0):  # two ways to write the same mask
        return encode_mask(from_runs(runs, rle.height, rle.width))
    return rle


def area_of(rle: Rle) -> int:
    """Pixels of the mask."""
    return int(runs_of(rle)[1::2].sum())


def span_of(rle: Rle) -> XYXY:
    """The box that the mask's pixels span. Raises ``MaskError`` for an empty mask."""
    ends = np.cumsum(runs_of(rle))
    starts, ends = ends[:-1:2], ends[1::2]
    starts, ends = starts[ends > starts], ends[ends > starts]
    if not len(starts):
        raise MaskError("the mask is empty")
    first, last = starts // rle.height, (ends - 1) // rle.height
    within = first == last
    top = np.where(within, starts % rle.height, 0).min()
    bottom = np.where(within, (ends - 1) % rle.height, rle.height - 1).max() + 1
    return float(first.min()), float(top), float(last.max() + 1), float(bottom)


def rasterize(polygons: Iterable[Polygon], height: int, width: int) -> Mask:
    """What polygons cover together, height × width, by COCO's rule of pixels.

    Corners may lie beyond the picture by as much as it is large. A polygon of whole numbers that
    goes along the edges of pixels covers exactly those; one that crosses itself leaves out what
    it goes round twice. Raises ``MaskError``.
    """
    require_size(height, width)
    given = [list(polygon) for polygon in polygons]
    for polygon in given:
        _require_near(tuple(polygon), height, width)
    if not given:
        return np.zeros((height, width), dtype=np.bool_)
    coco = _coco()
    # Not coco.decode, of whose arrays NumPy 2 warns.
    drawn = coco.merge(coco.frPyObjects(given, height, width))
    return decode_mask(Rle(height, width, drawn["counts"].decode("ascii")))


def outline(mask: Mask) -> tuple[Polygon, ...]:
    """Polygons along the edges of pixels, one for each part; `rasterize` gives ``mask`` back.

    Parts that meet at a corner only are separate. A hole is joined to the outline around it by
    a line that is gone there and back, so that it has no area.
    """
    return trace(mask)


def mask_of(annotation: Annotation, of: Size, size: Size) -> Mask:
    """An object's mask in its picture at another size, height × width of ``size``.

    Masks are taken by their pixels' centres; an object without one is what its outlines cover,
    and without those its box. ``of`` is the size of the picture that the annotation is about.
    Raises ``MaskError``.
    """
    height, width = size
    if annotation.mask is not None:
        whole = decode_mask(annotation.mask)
        if whole.shape == (height, width):
            return whole
        rows = ((np.arange(height) + 0.5) * whole.shape[0] / height).astype(int)
        columns = ((np.arange(width) + 0.5) * whole.shape[1] / width).astype(int)
        return whole[np.ix_(rows, columns)]
    left, top, right, bottom = annotation.xyxy
    drawn = annotation.polygons or ((left, top, right, top, right, bottom, left, bottom),)
    scale = width / of.width, height / of.height
    scaled = (tuple(value * scale[place % 2] for place, value in enumerate(each)) for each in drawn)
    return rasterize(scaled, height, width)


def joined(polygons: Sequence[Polygon]) -> Polygon:
    """One polygon of several, by lines without area from the first one's first corner."""
    first, *others = polygons
    path = list(first)
    for other in others:
        path += [*first[:2], *other, *other[:2]]
    return (*path, *first[:2]) if others else tuple(path)


def _coco() -> Any:
    """Its C; loaded on first use. Types that are published for it are wrong about lists."""
    return import_module("pycocotools.mask")


def _require_near(polygon: Polygon, height: int, width: int) -> None:
    if fault := fault_of_polygon(polygon):
        raise MaskError(fault)
    left, top, right, bottom = spanned((polygon,))
    if left < -width or top < -height or right > 2 * width or bottom > 2 * height:
        raise MaskError("it lies far beyond the picture")

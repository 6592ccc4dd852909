"""Masks: run lengths as COCO writes them, outlines to pixels and pixels to outlines.

What comes from a file is decoded here in NumPy and bounded; pycocotools, whose C does not check
what it reads, is only given what was made or checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from midrib.datasets.annotations import XYXY, Polygon, Rle, fault_of_polygon, spanned
from midrib.datasets.outlines import trace
from midrib.errors import DataError

Mask: TypeAlias = NDArray[np.bool_]
"""Height × width, True where the object is."""

MAX_PIXELS = 178_956_970
"""Of a mask; the most that a picture may have."""

_BITS = 5  # that a character of COCO's string carries
_MORE = 0x20
_SIGN = 0x10
_FIRST_CHARACTER = 48
_CHARACTERS_A_NUMBER = 7  # no run is longer than 2**31


class MaskError(DataError):
    """Numbers or characters that are no mask of their size."""


def encode_mask(mask: Mask) -> Rle:
    """Run-length encode a mask, height × width."""
    height, width = mask.shape
    _require_size(height, width)
    counts = _coco().encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return Rle(height, width, counts.decode("ascii"))


def decode_mask(rle: Rle) -> Mask:
    """The mask, height × width. Raises ``MaskError`` where ``rle`` is not of its size."""
    return _from_runs(_runs(rle), rle.height, rle.width)


def rle_from_runs(runs: Sequence[int], height: int, width: int) -> Rle:
    """Compress runs of 0 and 1 in turn, column by column. Raises ``MaskError``."""
    _require_size(height, width)
    if len(runs) > height * width + 1:
        raise MaskError(f"{len(runs):,} runs for {height * width:,} pixels")
    try:
        numbers = np.array(runs, dtype=np.int64)
    except (OverflowError, TypeError, ValueError):
        raise MaskError("its runs are not all whole numbers") from None
    _require_fit(numbers, height, width)
    return encode_mask(_from_runs(numbers, height, width))


def checked_rle(rle: Rle) -> Rle:
    """``rle`` in the one form that equal masks share. Raises ``MaskError``."""
    runs = _runs(rle)
    if np.any(runs[1:] == 0):  # two ways to write the same mask
        return encode_mask(_from_runs(runs, rle.height, rle.width))
    return rle


def area_of(rle: Rle) -> int:
    """Pixels of the mask."""
    return int(_runs(rle)[1::2].sum())


def span_of(rle: Rle) -> XYXY:
    """The box that the mask's pixels span. Raises ``MaskError`` for an empty mask."""
    ends = np.cumsum(_runs(rle))
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
    _require_size(height, width)
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


def _require_size(height: int, width: int) -> None:
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise MaskError(f"a mask of {width} × {height} pixels")


def _require_near(polygon: Polygon, height: int, width: int) -> None:
    if fault := fault_of_polygon(polygon):
        raise MaskError(fault)
    left, top, right, bottom = spanned((polygon,))
    if left < -width or top < -height or right > 2 * width or bottom > 2 * height:
        raise MaskError("it lies far beyond the picture")


def _runs(rle: Rle) -> NDArray[np.int64]:
    """Lengths of the runs of 0 and 1 in turn, column by column; they add up to the picture."""
    _require_size(rle.height, rle.width)
    codes = _characters(rle.counts)
    last = (codes & _MORE) == 0
    if not len(codes) or not last[-1]:
        raise MaskError("its string of run lengths is cut off")
    starts = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    places = np.arange(len(codes)) - np.repeat(starts, np.diff([*starts, len(codes)]))
    if places.max() >= _CHARACTERS_A_NUMBER:
        raise MaskError("a run is too long")
    values = np.add.reduceat((codes & 0x1F) << (_BITS * places), starts)
    negative = (codes[last] & _SIGN) != 0
    values -= np.where(negative, 1 << (_BITS * (places[last] + 1)), 0)
    # From the fourth on a number is told as its difference from the one before the last.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    _require_fit(values, rle.height, rle.width)
    return values


def _characters(text: str) -> NDArray[np.int64]:
    try:
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64)
    except UnicodeEncodeError:
        codes = np.array([-1])
    codes -= _FIRST_CHARACTER
    if np.any((codes < 0) | (codes > 0x3F)):
        raise MaskError("its string of run lengths has characters that COCO does not use")
    return codes


def _require_fit(runs: NDArray[np.int64], height: int, width: int) -> None:
    pixels = height * width
    if np.any((runs < 0) | (runs > pixels)):
        raise MaskError("a run is negative or longer than the picture")
    if (covered := int(runs.sum())) != pixels:
        raise MaskError(f"its runs cover {covered:,} pixels of {pixels:,}")


def _from_runs(runs: NDArray[np.int64], height: int, width: int) -> Mask:
    values = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape((width, height)).T)

"""Masks as run lengths, the way COCO writes them: in NumPy, so that the field needs no more.

What comes from a file is bounded before memory is spent on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from midrib.errors import DataError
from midrib.records import Mask, Rle, Size

MAX_PIXELS = 178_956_970
"""Of a mask; the most that a picture may have."""

_BITS = 5  # that a character of COCO's string carries
_LOW = 0x1F
_MORE = 0x20
_SIGN = 0x10
_FIRST_CHARACTER = 48
_CHARACTERS_A_NUMBER = 7  # no run is longer than 2**31


class MaskError(DataError):
    """Numbers or characters that are no mask of their size."""


def encode_runs(mask: Mask) -> Rle:
    """Run-length encode a mask, bool, height × width; as pycocotools does, to the character."""
    height, width = mask.shape
    require_size(height, width)
    flat = np.ravel(mask, order="F")
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    runs = np.diff(ends, prepend=0)
    if flat[0]:
        runs = np.append(0, runs)
    return Rle(height, width, _compressed(runs))


def encode_within(part: Mask, left: int, top: int, size: Size) -> Rle:
    """`encode_runs` of a picture of ``size`` that is empty but for ``part`` at that place.

    What it costs follows from the part, however large the picture is around it.

    Args:
        part: bool, rows × columns.
        left: column of its first column.
        top: row of its first row.
        size: of the picture, which the part does not leave.
    """
    require_size(*size)
    rows = part.shape[0] + 1  # with an empty one below, each run ends in its own column
    flat = np.ravel(np.vstack([part, np.zeros((1, part.shape[1]), np.bool_)]), order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    places = (left + edges // rows) * size.height + top + edges % rows
    # A run to the bottom of the picture may go on at the top of the next column.
    goes_on = np.flatnonzero(places[1:-1:2] == places[2::2]) * 2 + 1
    ends = np.delete(places, np.concatenate([goes_on, goes_on + 1]))
    pixels = size.height * size.width
    if not len(ends) or ends[-1] != pixels:
        ends = np.append(ends, pixels)
    return Rle(size.height, size.width, _compressed(np.diff(ends, prepend=0)))


def decode_runs(rle: Rle) -> Mask:
    """The mask, height × width. Raises ``MaskError`` where ``rle`` is not of its size."""
    return from_runs(runs_of(rle), rle.height, rle.width)


def runs_of(rle: Rle) -> NDArray[np.int64]:
    """Lengths of the runs of 0 and 1 in turn, column by column; they add up to the picture.

    Raises ``MaskError``.
    """
    require_size(rle.height, rle.width)
    codes = _characters(rle.counts)
    last = (codes & _MORE) == 0
    if not len(codes) or not last[-1]:
        raise MaskError("its string of run lengths is cut off")
    starts = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    places = np.arange(len(codes)) - np.repeat(starts, np.diff([*starts, len(codes)]))
    if places.max() >= _CHARACTERS_A_NUMBER:
        raise MaskError("a run is too long")
    values = np.add.reduceat((codes & _LOW) << (_BITS * places), starts)
    negative = (codes[last] & _SIGN) != 0
    values -= np.where(negative, 1 << (_BITS * (places[last] + 1)), 0)
    # From the fourth on a number is told as its difference from the one before the last.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    require_fit(values, rle.height, rle.width)
    return values


def from_runs(runs: NDArray[np.int64], height: int, width: int) -> Mask:
    """The mask of runs of 0 and 1 in turn that add up to its pixels."""
    values = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape((width, height)).T)


def pixels_of_both(one: Rle, other: Rle) -> tuple[int, int]:
    """How many pixels two masks of one picture share, and how many either has.

    Raises ``MaskError`` where they are not of one size.
    """
    if (one.height, one.width) != (other.height, other.width):
        raise MaskError(f"a mask of {other.width} × {other.height} pixels for another picture")
    ends = [np.cumsum(runs_of(each)) for each in (one, other)]
    cuts = np.union1d(*ends)
    lengths = np.diff(cuts, prepend=0)
    first, second = (np.searchsorted(each, cuts) % 2 == 1 for each in ends)
    return int(lengths[first & second].sum()), int(lengths[first | second].sum())


def require_size(height: int, width: int) -> None:
    """Raise ``MaskError`` for a mask without pixels or with too many."""
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise MaskError(f"a mask of {width} × {height} pixels")


def require_fit(runs: NDArray[np.int64], height: int, width: int) -> None:
    """Raise ``MaskError`` unless the runs cover the picture and no more."""
    pixels = height * width
    if np.any((runs < 0) | (runs > pixels)):
        raise MaskError("a run is negative or longer than the picture")
    if (covered := int(runs.sum())) != pixels:
        raise MaskError(f"its runs cover {covered:,} pixels of {pixels:,}")


def _compressed(runs: NDArray[np.int64]) -> str:
    """COCO's string: five bits a character, the lowest first, the sixth says that more follow."""
    told = runs.astype(np.int64)
    told[3:] -= runs[1:-2]
    characters = []
    going_on = np.ones(len(told), np.bool_)
    while going_on.any():
        low, told = told & _LOW, told >> _BITS
        # A number ends where what is left is only the sign that its last bit says already.
        more = np.where(low & _SIGN, told != -1, told != 0)
        characters.append(np.where(going_on, low + more * _MORE + _FIRST_CHARACTER, 0))
        going_on &= more
    columns = np.stack(characters, axis=1).astype(np.uint8)
    return columns[columns > 0].tobytes().decode("ascii")


def _characters(text: str) -> NDArray[np.int64]:
    try:
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64)
    except UnicodeEncodeError:
        codes = np.array([-1])
    codes -= _FIRST_CHARACTER
    if np.any((codes < 0) | (codes > 0x3F)):
        raise MaskError("its string of run lengths has characters that COCO does not use")
    return codes

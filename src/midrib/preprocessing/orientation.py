"""Decoded pixels, the part of them that the picture fills, and how they are turned upright."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from midrib.records import Pixels


class Box(NamedTuple):
    """Edges in pixels from the top left corner; fractions cut through a pixel."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def width(self) -> float:
        return self.right - self.left


class Decoded(NamedTuple):
    """Pixels, uint8, height × width × 3 (RGB), and the part of them that the picture fills.

    A JPEG decoded at 1/8 whose height is no multiple of 8 ends in a row that it fills in part.
    """

    pixels: Pixels
    box: Box

    @classmethod
    def whole(cls, pixels: Pixels) -> Self:
        """Pixels that the picture fills to the last."""
        return cls(pixels, Box(0, 0, pixels.shape[1], pixels.shape[0]))


class _Turn(NamedTuple):
    """What makes a stored picture upright, in this order."""

    transpose: bool
    reverse_rows: bool
    reverse_columns: bool


_TURNS = {
    2: _Turn(transpose=False, reverse_rows=False, reverse_columns=True),
    3: _Turn(transpose=False, reverse_rows=True, reverse_columns=True),
    4: _Turn(transpose=False, reverse_rows=True, reverse_columns=False),
    5: _Turn(transpose=True, reverse_rows=False, reverse_columns=False),
    6: _Turn(transpose=True, reverse_rows=False, reverse_columns=True),
    7: _Turn(transpose=True, reverse_rows=True, reverse_columns=True),
    8: _Turn(transpose=True, reverse_rows=True, reverse_columns=False),
}
QUARTER_TURNED = frozenset(orientation for orientation, turn in _TURNS.items() if turn.transpose)


def upright(decoded: Decoded, orientation: int) -> Decoded:
    """Apply the EXIF orientation (EXIF 2.32, tag 0x0112: 1 to 8); others leave all as it is."""
    if orientation not in _TURNS:
        return decoded
    turn = _TURNS[orientation]
    pixels, (left, top, right, bottom) = decoded
    if turn.transpose:
        pixels = pixels.transpose(1, 0, 2)
        left, top, right, bottom = top, left, bottom, right
    height, width = pixels.shape[:2]
    if turn.reverse_rows:
        pixels = pixels[::-1]
        top, bottom = height - bottom, height - top
    if turn.reverse_columns:
        pixels = pixels[:, ::-1]
        left, right = width - right, width - left
    return Decoded(np.ascontiguousarray(pixels), Box(left, top, right, bottom))

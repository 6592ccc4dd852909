"""Tiles that cover a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from midrib.errors import UsageError

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, in pixels from the picture's upper left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return float(self.left), float(self.top), float(self.right), float(self.bottom)

    def cut(self, pixels: NDArray[Scalar]) -> NDArray[Scalar]:
        """The tile's part of a picture or mask, height × width and more; a view, not a copy."""
        return pixels[self.top : self.bottom, self.left : self.right]


def tiles_over(height: int, width: int, *, size: int, overlap: int) -> list[Tile]:
    """Tiles of ``size`` × ``size`` that cover a picture, row by row.

    The last of a row or column ends where the picture ends and overlaps more; a picture that is
    smaller than a tile on one side is one tile long there.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        size: side of a tile, in pixels.
        overlap: pixels that neighbours share at least.

    Raises:
        UsageError: the overlap leaves tiles no way to go on.
    """
    if size < 1 or not 0 <= overlap < size:
        raise UsageError(
            f"tiles of {size} pixels that overlap by {overlap}",
            expected="an overlap from 0 to less than the tile's side",
            todo="lower the overlap, or make tiles larger",
        )
    return [
        Tile(left, top, min(size, width), min(size, height))
        for top in _starts(height, size, overlap)
        for left in _starts(width, size, overlap)
    ]


def _starts(side: int, size: int, overlap: int) -> list[int]:
    if side <= size:
        return [0]
    return [*range(0, side - size, size - overlap), side - size]

"""Lay one picture over the part of another that it shows, to a fraction of a pixel.

Gauss-Newton on the difference of brightness, from coarse to fine (Lucas and Kanade, 'An Iterative
Image Registration Technique', 1981), with gain and offset of the brightness solved along.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from midrib.datasets.copies.fingerprints import WHOLE, Grey, Window

COARSE_TO_FINE = (4, 2, 1)
"""Levels of coarseness, in pixels averaged along each axis."""

_NEGLIGIBLE = 1e-9
_SMOOTHING = 1.0  # pixels left after that
_MOST_SAMPLES = 64
_EDGE = 3  # pixels
_LOBES = 3
_LEAST_GAIN = 0.1
_DAMPING = 1e-6
_LONGEST_STEP = 0.04
_ALL = np.array(WHOLE, dtype=np.float64)
_STEPS = 12
_STILL = 1e-4
_LEAST_KEPT = 0.5
_FURTHEST_OUT = 0.1

Mask = npt.NDArray[np.bool_]


class Aligned(NamedTuple):
    """The part of the second picture that lies under the first, on the first one's pixels.

    ``pixels`` are float32, side × side; ``inside`` says where the second picture has any;
    ``window`` is where the first one lies in it.
    """

    pixels: Grey
    inside: Mask
    window: Window


def align(
    first: Grey, second: Grey, start: Window, levels: Sequence[int] = COARSE_TO_FINE
) -> Aligned | None:
    """Find where ``first`` lies in ``second``.

    Args:
        first: float32, side × side, side a multiple of 4.
        second: the same size, another picture or the same.
        start: about where it lies.
        levels: pixels averaged along each axis, one level of coarseness after the other.

    Returns:
        None where it runs away from the start.
    """
    window = np.array(start, dtype=np.float64)
    for factor in levels:
        under = _Smoothed(second, factor)
        count = min(len(under.pixels), _MOST_SAMPLES)
        wanted = _Grid(_ALL, len(under.pixels), count).read(_Smoothed(first, factor).pixels)
        for _ in range(_STEPS):
            step = _step(wanted, under, window)
            window += step
            if not _sane(window):
                return None
            if np.abs(step).max() < _STILL * factor**2:  # finer levels correct coarser ones
                break
    grid = _Grid(window, len(second), len(second))
    return Aligned(grid.read(second), grid.inside, Window(*window.tolist()))


class _Smoothed:
    """A picture at one step of coarseness, with its slopes, in grey levels a share of the side."""

    def __init__(self, picture: Grey, factor: int) -> None:
        side = len(picture) // factor
        # Fine regular lines would hold it fast a period away.
        smooth = gaussian(side, _SMOOTHING if factor > 1 else 2 * _SMOOTHING)
        small = picture.reshape(side, factor, side, factor).mean(axis=(1, 3))
        self.pixels: Grey = smooth @ small @ smooth.T
        down, across = np.gradient(self.pixels)
        self.down: Grey = down * side
        self.across: Grey = across * side


@cache
def gaussian(side: int, deviation: float) -> Grey:
    """A matrix that smooths along an axis, side × side; at the ends it weighs what there is."""
    place = np.arange(side)
    weights = np.exp(-0.5 * ((place[:, None] - place) / deviation) ** 2)
    # Numbers below the normal ones slow a product of matrices down many times.
    weights[weights < _NEGLIGIBLE] = 0
    shares: Grey = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _sane(window: npt.NDArray[np.float64]) -> bool:
    left, top, right, bottom = window
    out = max(-left, -top, right - 1, bottom - 1)
    return bool(min(right - left, bottom - top) >= _LEAST_KEPT and out <= _FURTHEST_OUT)


def _step(
    wanted: Grey, under: _Smoothed, window: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """How the window's four edges should move to show ``wanted``, at most 64 × 64 pixels."""
    count = len(wanted)
    grid = _Grid(window, len(under.pixels), count)
    seen, across, down = map(grid.read, (under.pixels, under.across, under.down))
    inside = grid.inside
    # Smoothing knew less at the edges, which crops have in different places.
    inside[:_EDGE] = inside[-_EDGE:] = inside[:, :_EDGE] = inside[:, -_EDGE:] = False
    place = (np.arange(count) + 0.5) / count
    x, y = place[None, :], place[:, None]
    columns = np.stack(
        [across * (1 - x), down * (1 - y), across * x, down * y, seen, np.ones_like(seen)], axis=-1
    )[inside].astype(np.float64)
    gain, offset = least_squares(columns[:, 4:], wanted[inside])
    residual = wanted[inside] - gain * columns[:, 4] - offset
    moved = least_squares(columns, residual)[:4] / (gain if abs(gain) > _LEAST_GAIN else 1.0)
    return np.clip(moved, -_LONGEST_STEP, _LONGEST_STEP)


def least_squares(
    columns: npt.NDArray[np.float64], wanted: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Factors of the columns; damped, since a flat picture does not say where it lies."""
    normal = columns.T @ columns
    damping = _DAMPING * np.diag(normal).mean() + _DAMPING
    return np.linalg.solve(normal + damping * np.eye(len(normal)), columns.T @ wanted)


class _Grid:
    """Count × count places in a window of a picture of side × side pixels."""

    def __init__(self, window: npt.NDArray[np.float64], side: int, count: int) -> None:
        place = (np.arange(count) + 0.5) / count
        rows = (window[1] + place * (window[3] - window[1])) * side - 0.5
        columns = (window[0] + place * (window[2] - window[0])) * side - 0.5
        self.inside: Mask = _within(rows, side)[:, None] & _within(columns, side)[None, :]
        self._rows, self._columns = _weights(rows, side), _weights(columns, side)

    def read(self, picture: Grey) -> Grey:
        """The picture at the grid's places; beyond its edge, the edge."""
        return np.asarray(self._rows @ picture @ self._columns.T, dtype=np.float32)


def _within(places: npt.NDArray[np.float64], side: int) -> Mask:
    return (places >= -0.01) & (places <= side - 0.99)


def _weights(places: npt.NDArray[np.float64], side: int) -> Grey:
    """Rows that read a place between pixels by Lanczos' kernel.

    Reading between two pixels only would lose up to a thirtieth of thin lines.
    """
    places = np.clip(places, 0, side - 1)
    taps = np.floor(places).astype(int)[:, None] + np.arange(1 - _LOBES, 1 + _LOBES)
    away = places[:, None] - taps
    kernel = np.sinc(away) * np.sinc(away / _LOBES) * ((taps >= 0) & (taps < side))
    weights = np.zeros((len(places), side + 2 * _LOBES), dtype=np.float32)
    rows = np.broadcast_to(np.arange(len(places))[:, None], taps.shape)
    weights[rows, taps + _LOBES] = kernel / kernel.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(weights[:, _LOBES:-_LOBES])

"""How many pictures the model is asked at once: measured, since more is not always faster.

On CPUs a batch often costs more a picture than its pictures one by one, because what lies between
the layers no longer fits the caches; other models and engines gain from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from midrib.records import PixelBatch

_SIZES = (1, 2, 4, 8)
_ROUNDS = 4
_WORTH = 0.8
"""A larger batch is taken when a picture takes at most this share of its time in the smaller one:
what gains less may be an accident of measuring, and costs latency."""


@dataclass(frozen=True)
class BatchChoice:
    """The size taken and, by size, the milliseconds a picture that led to it."""

    size: int
    reason: str
    milliseconds: dict[int, float]


def choose_batch(
    run: Callable[[PixelBatch], object],
    shape: tuple[int, int, int],
    *,
    budget_seconds: float = 0.6,
) -> BatchChoice:
    """Measure ``run`` with batches of 1 to 8 and take the size that is fastest a picture.

    Args:
        run: asks the model; takes uint8, count × height × width × channels.
        shape: height, width and channels of one picture.
        budget_seconds: sizes that cannot be measured within it are left out.
    """
    pictures = np.random.default_rng(0).integers(0, 256, (_SIZES[-1], *shape), dtype=np.uint8)
    until = time.monotonic() + budget_seconds
    milliseconds: dict[int, float] = {}
    best = 1
    for size in _SIZES:
        expected_seconds = milliseconds.get(1, 0.0) / 1000 * size * _ROUNDS
        if milliseconds and time.monotonic() + expected_seconds > until:
            break
        milliseconds[size] = _fastest(run, pictures[:size]) / size
        if milliseconds[size] < milliseconds[best] * _WORTH:
            best = size
    shown = ", ".join(f"{size}: {each:.2f} ms" for size, each in milliseconds.items())
    return BatchChoice(best, f"fastest a picture here ({shown})", milliseconds)


def _fastest(run: Callable[[PixelBatch], object], pictures: PixelBatch) -> float:
    """Milliseconds of the fastest call: other load on the machine only ever adds."""
    calls = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        run(pictures)
        calls.append((time.perf_counter() - started) * 1000)
    return min(calls)

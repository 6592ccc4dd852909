"""How far a number could have fallen otherwise: stratified percentile bootstrap.

Efron and Tibshirani, 'An Introduction to the Bootstrap', 1993, chapters 13 and 16. Pictures are
drawn with replacement within each true class, so that every resample has every class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from midrib.metrics.decisions import Real, Truth

Answers = NDArray[Any]
"""Whatever the metric takes beside the truth, one row a picture."""

Measure = Callable[[Truth, Answers], float]

ROUNDS = 1000
_CENTRAL_95 = (2.5, 97.5)


class Interval(NamedTuple):
    """A number and the bounds of the central 95 % of its resamples; nan when not measurable."""

    value: float
    low: float
    high: float


def resamples(truth: Truth, *, rounds: int = ROUNDS, seed: int = 0) -> Iterator[NDArray[np.int64]]:
    """Indices of pictures (int64, count), ``rounds`` times, equal for equal ``truth`` and seed."""
    order = np.argsort(truth, kind="stable")
    _, starts, sizes = np.unique(truth[order], return_index=True, return_counts=True)
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield order[start + random.integers(0, size)]


def bootstrap(
    metric: Measure,
    truth: Truth,
    scores: Answers,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Interval:
    """The metric with its interval.

    Args:
        metric: takes truth and scores.
        truth: int64, count.
        scores: whatever the metric takes, one row a picture.
        rounds: resamples; the interval's own error falls with their square root.
        seed: equal seeds give equal intervals.
    """
    measured = [metric(truth[i], scores[i]) for i in resamples(truth, rounds=rounds, seed=seed)]
    return _interval(metric(truth, scores), np.array(measured))


def paired_bootstrap(
    metric: Measure,
    truth: Truth,
    first: Answers,
    second: Answers,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Interval:
    """How much higher the metric of ``first`` is than that of ``second`` on the same pictures.

    Both are measured on the same resamples: what makes a picture hard for both cancels out.
    """

    def difference(truth: Truth, both: NDArray[np.int64]) -> float:
        return metric(truth, first[both]) - metric(truth, second[both])

    return bootstrap(difference, truth, np.arange(len(truth)), rounds=rounds, seed=seed)


def _interval(value: float, measured: Real) -> Interval:
    if np.isnan(value) or np.isnan(measured).any():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.percentile(measured, _CENTRAL_95)
    # Resamples of a biased number (calibration error) may all lie to one side of it.
    return Interval(value, min(float(low), value), max(float(high), value))

"""Numbers from the probabilities themselves: how sure, and how rightly so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.metrics.decisions import Counts, Real, Truth

CALIBRATION_BINS = 15
# An answer is float32: no probability is told apart from 0 or 1 more finely than this.
_LEAST_PROBABILITY = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class CalibrationBins:
    """Bins of equal width between 0 and 1 that hold any picture, ascending.

    ``probability``: mean of what was said; ``share``: how often it came true; ``pictures``: how
    many. Each float64 or int64, bins.
    """

    probability: Real
    share: Real
    pictures: Counts


def log_loss(truth: Truth, answer: Real) -> float:
    """Mean negative natural logarithm of the true class's probability, in nats; lower is better.

    Rows are scaled to sum to 1 and probabilities kept from 0, so that the loss stays finite.
    """
    if not truth.size:
        return float("nan")
    probability = np.clip(answer.astype(np.float64), _LEAST_PROBABILITY, 1)
    told = probability[np.arange(len(truth)), truth] / probability.sum(axis=1)
    return float(-np.log(told).mean())


def calibration_bins(
    said: Real, came_true: NDArray[np.bool_], bins: int = CALIBRATION_BINS
) -> CalibrationBins:
    """What was said (float, count, 0 to 1) against how often it came true (bool, count)."""
    place = np.clip((said * bins).astype(np.int64), 0, bins - 1)
    pictures = np.bincount(place, minlength=bins)
    held = pictures > 0
    return CalibrationBins(
        probability=np.bincount(place, said, bins)[held] / pictures[held],
        share=np.bincount(place, came_true, bins)[held] / pictures[held],
        pictures=pictures[held],
    )


def expected_calibration_error(truth: Truth, answer: Real) -> float:
    """Mean gap between the most probable class's probability and its accuracy, 0 to 1.

    Over 15 bins of equal width, weighted by pictures: Guo et al., 'On Calibration of Modern
    Neural Networks', ICML 2017 (arXiv 1706.04599), equation 3. Lower is better.
    """
    if not truth.size:
        return float("nan")
    bins = calibration_bins(answer.max(axis=1), answer.argmax(axis=1) == truth)
    gap = np.abs(bins.probability - bins.share)
    return float(np.average(gap, weights=bins.pictures))

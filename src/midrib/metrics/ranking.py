"""Numbers from the order of scores: ROC, precision and recall, and the areas under them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.metrics.decisions import Real, Truth, mean_of_present


@dataclass(frozen=True)
class Curve:
    """Points of a curve as the threshold falls: float64, each of the same length.

    ROC: ``x`` false positive rate, ``y`` true positive rate, from (0, 0) to (1, 1).
    Precision and recall: ``x`` recall, ``y`` precision, from recall 0.
    ``threshold``: scores from this on are positive; infinity at the first point.
    """

    x: Real
    y: Real
    threshold: Real


def roc_auc(truth: Truth, answer: Real) -> float:
    """Area under the ROC curve, 0 to 1; ties count half (midranks).

    With two classes the chance that a picture of class 1 gets a higher score than one of class 0
    (Mann and Whitney, 1947; Hanley and McNeil, 1982). With more, the mean over classes of each
    against the rest. Classes without pictures are left out; nan when no class can be told apart.
    """
    if answer.shape[1] == 2:
        return _binary_auc(truth == 1, answer[:, 1])
    return _one_against_rest(_binary_auc, truth, answer)


def average_precision(truth: Truth, answer: Real, *, positive: int = 1) -> float:
    """Precision averaged over the steps of recall, 0 to 1; no interpolation.

    With two classes that of the class ``positive``; with more, the mean over classes of each
    against the rest. Classes without pictures are left out; nan when none has any.
    """
    if answer.shape[1] == 2:
        return _binary_average_precision(truth == positive, answer[:, positive])
    return _one_against_rest(_binary_average_precision, truth, answer)


def roc_curve(positive: NDArray[np.bool_], score: Real) -> Curve:
    """How well ``score`` (float, count ≥ 1) tells ``positive`` (bool, count) apart."""
    hits, alarms, threshold = _counts_by_threshold(positive, score)
    return Curve(
        x=np.r_[0.0, alarms / max(1, alarms[-1])],
        y=np.r_[0.0, hits / max(1, hits[-1])],
        threshold=np.r_[np.inf, threshold],
    )


def pr_curve(positive: NDArray[np.bool_], score: Real) -> Curve:
    """How well ``score`` (float, count ≥ 1) finds ``positive`` (bool, count)."""
    hits, alarms, threshold = _counts_by_threshold(positive, score)
    return Curve(
        x=np.r_[0.0, hits / max(1, hits[-1])],
        y=np.r_[1.0, hits / (hits + alarms)],
        threshold=np.r_[np.inf, threshold],
    )


def _counts_by_threshold(positive: NDArray[np.bool_], score: Real) -> tuple[Real, Real, Real]:
    """Positives and negatives at or above each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    hit, descending = positive[order], score[order].astype(np.float64)
    last_of_tie = np.r_[np.flatnonzero(np.diff(descending)), len(descending) - 1]
    hits = np.cumsum(hit)[last_of_tie].astype(np.float64)
    return hits, last_of_tie + 1 - hits, descending[last_of_tie]


def _binary_auc(positive: NDArray[np.bool_], score: Real) -> float:
    above, below = score[positive], np.sort(score[~positive])
    if not above.size or not below.size:
        return float("nan")
    # A positive's midrank among the negatives: those below it, and half of those equal to it.
    wins = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(wins.mean() / (2 * below.size))


def _binary_average_precision(positive: NDArray[np.bool_], score: Real) -> float:
    if not positive.any():
        return float("nan")
    curve = pr_curve(positive, score)
    return float(np.sum(np.diff(curve.x) * curve.y[1:]))


def _one_against_rest(
    binary: Callable[[NDArray[np.bool_], Real], float], truth: Truth, answer: Real
) -> float:
    return mean_of_present(
        np.array([binary(truth == index, answer[:, index]) for index in range(answer.shape[1])])
    )

"""Numbers from decided classes.

``decided`` is int64, count; or float, count × classes: then the most probable class is decided.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[np.int64]
"""The true class of each picture: int64, count, 0 to classes - 1."""

Real = NDArray[np.floating]
Counts = NDArray[np.int64]


def confusion_matrix(truth: Truth, decided: NDArray[np.generic], classes: int = 0) -> Counts:
    """Pictures by true class (rows) and decided class (columns): int64, classes × classes.

    ``classes`` is the least number of rows; more are added when the arrays name more.
    """
    chosen = _chosen(decided)
    size = _size(truth, decided, classes)
    return np.bincount(truth * size + chosen, minlength=size * size).reshape(size, size)


def accuracy(truth: Truth, decided: NDArray[np.generic]) -> float:
    """Share of pictures decided rightly, 0 to 1; nan without pictures."""
    return float(np.mean(_chosen(decided) == truth)) if truth.size else float("nan")


def recall_by_class(truth: Truth, decided: NDArray[np.generic], classes: int = 0) -> Real:
    """Share of each class that was decided rightly: float64, classes; nan for an absent class."""
    size = _size(truth, decided, classes)
    hits = np.bincount(truth[_chosen(decided) == truth], minlength=size)
    return ratio(hits, np.bincount(truth, minlength=size))


def balanced_accuracy(truth: Truth, decided: NDArray[np.generic]) -> float:
    """Mean recall over the classes that have pictures, 0 to 1; nan without pictures."""
    return mean_of_present(recall_by_class(truth, decided))


def macro_f1(truth: Truth, decided: NDArray[np.generic]) -> float:
    """Mean F1 over the classes that are true or decided anywhere, 0 to 1; nan without pictures."""
    size, chosen = _size(truth, decided), _chosen(decided)
    hits = np.bincount(truth[chosen == truth], minlength=size)
    named = np.bincount(truth, minlength=size) + np.bincount(chosen, minlength=size)
    return mean_of_present(ratio(2 * hits, named))


def mean_of_present(by_class: Real) -> float:
    """Mean over classes with a number; nan when none has one."""
    present = by_class[~np.isnan(by_class)]
    return float(present.mean()) if present.size else float("nan")


def _chosen(decided: NDArray[np.generic]) -> Truth:
    return (decided.argmax(axis=1) if decided.ndim == 2 else decided).astype(np.int64)


def _size(truth: Truth, decided: NDArray[np.generic], classes: int = 0) -> int:
    named = decided.shape[1] if decided.ndim == 2 else int(_chosen(decided).max(initial=-1)) + 1
    return max(classes, named, int(truth.max(initial=-1)) + 1)


def ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> Real:
    """``part / whole``, nan where there is nothing to divide by."""
    divided: Real = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=divided, where=np.greater(whole, 0))
    return divided

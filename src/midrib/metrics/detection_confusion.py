"""What is taken for what: a confusion matrix of objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midrib.metrics.decisions import Counts
from midrib.metrics.matching import FREE, match, same_class
from midrib.metrics.objects import FoundObjects, Shape, TrueObjects, overlaps

OVERLAP = 0.5


def detection_confusion(
    truth: Sequence[TrueObjects],
    found: Sequence[FoundObjects],
    classes: int,
    *,
    least_score: float,
    shape: Shape = "boxes",
) -> Counts:
    """Objects by true class (rows) and found class (columns): int64, (classes + 1)².

    The last row is background that was taken for an object, the last column objects that were
    missed; their corner is 0. What is found stands for an object at an overlap of 0.5, of its
    own class if one is free, else of another; what lies in a crowd is left out.

    Args:
        truth: one record a picture.
        found: one record a picture, in the same order.
        classes: how many there are.
        least_score: what scores less is not taken for found.
        shape: whether boxes or masks are compared.
    """
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    for objects, answers in zip(truth, found, strict=True):
        kept = answers.only(np.flatnonzero(answers.scores >= least_score)).best(len(answers))
        _count(counts, objects, kept, shape)
    return counts


def _count(counts: Counts, truth: TrueObjects, found: FoundObjects, shape: Shape) -> None:
    overlap, alike = overlaps(found, truth, shape), same_class(found, truth)
    first = match(overlap, alike, truth.crowd, OVERLAP)
    free = np.isin(np.arange(len(truth)), first.missed(truth))
    # What found its own class stays; the rest may stand for what nobody found, whatever its class.
    rest = (first.taken == FREE) & ~first.ignored
    second = match(overlap, rest[:, None] & free[None], truth.crowd, OVERLAP)
    taken = np.where(first.taken == FREE, second.taken, first.taken)
    background = len(counts) - 1
    named = np.append(truth.classes, background)  # FREE is the index of the last
    counted = ~first.ignored
    np.add.at(counts, (named[taken[counted]], found.classes[counted]), 1)
    missed = np.setdiff1d(np.flatnonzero(~truth.crowd), taken)
    np.add.at(counts, (truth.classes[missed], background), 1)

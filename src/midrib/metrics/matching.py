"""Which found object stands for which true one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.metrics.decisions import Real
from midrib.metrics.objects import ANY_CLASS, Flags, FoundObjects, TrueObjects

FREE = -1
"""Index of the true object that a found one stands for, where there is none."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matches:
    """Who stands for whom in one picture.

    ``taken``: int64, found: the true object's index, or `FREE`. ``ignored``: bool, found: it lies
    in a crowd, so that it counts neither way.
    """

    taken: Rows
    ignored: Flags

    def missed(self, truth: TrueObjects) -> Rows:
        """Indices of objects, without crowds, that nothing stands for."""
        free = ~truth.crowd
        free[self.taken[self.taken != FREE]] = False
        return np.flatnonzero(free)


def match(overlap: Real, may: Flags, crowd: Flags, threshold: float) -> Matches:
    """Match in the order of ``overlap``'s rows, each with what it overlaps most that is free.

    As COCO does it: an object is found once, a crowd as often as need be but only by what finds
    no object.

    Args:
        overlap: float, found × truth, best score first.
        may: bool, found × truth: which pairs may be matched at all.
        crowd: bool, truth.
        threshold: the least overlap.
    """
    open_pairs = np.where(may & (overlap >= threshold), overlap, -np.inf)
    taken = np.full(len(overlap), FREE)
    free = ~crowd
    for row in range(len(overlap)):
        candidates = np.where(free, open_pairs[row], -np.inf)
        if candidates.size and np.isfinite(candidates.max()):
            taken[row] = candidates.argmax()
            free[taken[row]] = False
    in_crowd = np.isfinite(open_pairs[:, crowd]).any(axis=1)
    return Matches(taken, in_crowd & (taken == FREE))


def same_class(found: FoundObjects, truth: TrueObjects) -> Flags:
    """Which pairs are of one class: bool, found × truth; a region of any class is of all."""
    named = truth.classes[None]
    alike: Flags = (found.classes[:, None] == named) | (named == ANY_CLASS)
    return alike

"""Panoptic quality: how well instances are found and how well their pixels are told.

Kirillov et al., 'Panoptic Segmentation', CVPR 2019 (arXiv 1801.00868), section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.errors import DataError
from midrib.metrics.decisions import Counts, Real, mean_of_present, ratio

BACKGROUND = 0
VOID = -1
"""Pixels of the truth of which nothing is known."""

_MATCHED = 0.5  # beyond it a match is unique


@dataclass(frozen=True)
class InstanceMap:
    """Instances of one picture. Raises ``DataError`` for an instance without a class.

    ``ids``: int32, height × width: `BACKGROUND`, `VOID`, or the instance's number from 1 on.
    ``classes``: int64, count: the class of instance 1, 2 …, from 0 on.
    """

    ids: NDArray[np.int32]
    classes: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.ids.size and not VOID <= self.ids.min() <= self.ids.max() <= len(self.classes):
            raise DataError(
                f"instances numbered from {self.ids.min()} to {self.ids.max()}",
                expected=f"numbers from 1 to {len(self.classes)}, the count of classes given",
                todo="give a class for each instance",
            )


@dataclass(frozen=True)
class PanopticCounts:
    """What one picture, or several together, come to, by class; counts are added with ``+``.

    ``overlap``: sum of the matched pairs' intersection over union, float64. ``matched``,
    ``stray`` (found, but not there) and ``missed``: instances, int64.
    """

    overlap: Real
    matched: Counts
    stray: Counts
    missed: Counts
    pictures: int = 1

    @classmethod
    def none(cls, classes: int) -> PanopticCounts:
        """Of no picture: where a sum begins."""
        nothing = np.zeros(classes, np.int64)
        return cls(np.zeros(classes), nothing, nothing, nothing, 0)

    def __add__(self, other: PanopticCounts) -> PanopticCounts:
        return PanopticCounts(
            self.overlap + other.overlap,
            self.matched + other.matched,
            self.stray + other.stray,
            self.missed + other.missed,
            self.pictures + other.pictures,
        )


@dataclass(frozen=True)
class Quality:
    """Panoptic quality ``pq``, 0 to 1, is ``sq`` × ``rq``.

    ``sq``: mean intersection over union of matched pairs; ``rq``: F1 of finding instances. nan
    where there is no instance; ``sq`` also where none is matched.
    """

    pq: float
    sq: float
    rq: float


@dataclass(frozen=True)
class PanopticScores:
    """Means over the classes that have instances, true or found, and each class by itself."""

    all: Quality
    pictures: int
    by_class: Mapping[str, Quality]


def panoptic_counts(truth: InstanceMap, found: InstanceMap, classes: int) -> PanopticCounts:
    """Match the instances of one picture: those of one class that overlap by more than half.

    Void pixels do not count; what lies in them by more than half is not held to be stray.
    Raises ``DataError`` where the sizes differ or a class is beyond ``classes``.
    """
    _require_fit(truth, found, classes)
    shared, true_area, found_area, in_void = _areas(truth, found)
    union = true_area[:, None] + (found_area - in_void)[None] - shared
    alike = truth.classes[:, None] == found.classes[None]
    overlap = np.where(alike & (union > 0), shared / np.maximum(union, 1), 0)
    one, other = np.nonzero(overlap > _MATCHED)
    unmatched = np.setdiff1d(np.flatnonzero(found_area > 2 * in_void), other)
    missed = np.setdiff1d(np.flatnonzero(true_area), one)
    named = truth.classes[one]
    return PanopticCounts(
        overlap=np.bincount(named, overlap[one, other], classes).astype(np.float64),
        matched=np.bincount(named, minlength=classes),
        stray=np.bincount(found.classes[unmatched], minlength=classes),
        missed=np.bincount(truth.classes[missed], minlength=classes),
    )


def panoptic_scores(counts: PanopticCounts, labels: Sequence[str]) -> PanopticScores:
    """Score what was counted."""
    weight = counts.matched + (counts.stray + counts.missed) / 2
    pq, rq = ratio(counts.overlap, weight), ratio(counts.matched, weight)
    sq = ratio(counts.overlap, counts.matched)
    return PanopticScores(
        all=Quality(mean_of_present(pq), mean_of_present(sq), mean_of_present(rq)),
        pictures=counts.pictures,
        by_class={
            label: Quality(float(pq[at]), float(sq[at]), float(rq[at]))
            for at, label in enumerate(labels)
        },
    )


def _areas(truth: InstanceMap, found: InstanceMap) -> tuple[Counts, Counts, Counts, Counts]:
    """Pixels that pairs share, of each true and found instance, and of those found in void."""
    rows, columns = len(truth.classes) + 2, len(found.classes) + 1
    # Row 0 is void, row 1 background; void of what was found is as good as background.
    pairs = (truth.ids.astype(np.int64) + 1) * columns + np.maximum(found.ids, BACKGROUND)
    table = np.bincount(pairs.ravel(), minlength=rows * columns).reshape(rows, columns)
    return table[2:, 1:], table[2:].sum(axis=1), table[:, 1:].sum(axis=0), table[0, 1:]


def _require_fit(truth: InstanceMap, found: InstanceMap, classes: int) -> None:
    if truth.ids.shape != found.ids.shape:
        raise DataError(
            f"instances of a picture of {found.ids.shape} for one of {truth.ids.shape}",
            expected="two of the same height and width",
            todo="scale what was found to the picture",
        )
    named = np.concatenate([truth.classes, found.classes])
    if named.size and not 0 <= named.min() <= named.max() < classes:
        raise DataError(
            f"an instance of class {named.max() if named.min() >= 0 else named.min()}",
            expected=f"classes from 0 to {classes - 1}",
            todo="give all labels of the model",
        )

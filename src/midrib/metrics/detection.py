"""How well objects are found: COCO's average precision and recall, by size, class and slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from midrib.metrics.coco import MOST, SIZES, THRESHOLDS, CocoTable, coco_table
from midrib.metrics.decisions import Real
from midrib.metrics.objects import FoundObjects, Shape, TrueObjects
from midrib.metrics.ranking import Curve

_RECALLS = np.linspace(0, 1, 101)
_AT_50, _AT_75 = THRESHOLDS.index(0.5), THRESHOLDS.index(0.75)


@dataclass(frozen=True)
class ClassScores:
    """One class: average precision over ten overlaps and at two, and average recall, 0 to 1.

    nan where the class has no object. ``objects`` are those to be found, without crowds; ``found``
    is how many the model answered. ``curve`` is precision by recall at an overlap of 0.5.
    """

    ap: float
    ap50: float
    ap75: float
    ar: float
    objects: int
    found: int
    curve: Curve = field(repr=False)


@dataclass(frozen=True)
class DetectionScores:
    """COCO's numbers, 0 to 1, each the mean over classes that have objects; nan where none has.

    ``ap`` is over overlaps of 0.5, 0.55 … 0.95, ``ap50`` and ``ap75`` at one; small is up to 32²
    pixels, medium up to 96². ``ar1``, ``ar10`` and ``ar`` are the recall, over the same
    overlaps, of the best one, the best ten and all that count of a picture.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar: float
    ar_small: float
    ar_medium: float
    ar_large: float
    pictures: int
    objects: int
    by_class: Mapping[str, ClassScores]

    def as_record(self) -> dict[str, float]:
        """The numbers of all classes together, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int | float)}


def detection_scores(
    truth: Sequence[TrueObjects],
    found: Sequence[FoundObjects],
    labels: Sequence[str],
    *,
    shape: Shape = "boxes",
    most: int = MOST,
) -> DetectionScores:
    """Score what was found in a set of pictures.

    Args:
        truth: one record a picture; pictures without objects are given too.
        found: one record a picture, in the same order.
        labels: the classes, by their index.
        shape: whether boxes or masks are compared.
        most: found objects of a picture that count, the best first; at least 11. COCO has 100:
            raise it where pictures hold more.

    Raises:
        DataError: the records do not fit each other or the labels.
    """
    table = coco_table(truth, found, len(labels), shape=shape, most=most)
    by_class = {
        label: _class_scores(table, place, truth, found) for place, label in enumerate(labels)
    }
    sizes = SIZES[1:]
    return DetectionScores(
        ap=_mean(table.precision[..., 0]),
        ap50=_mean(table.precision[_AT_50, ..., 0]),
        ap75=_mean(table.precision[_AT_75, ..., 0]),
        **{f"ap_{size}": _mean(table.precision[..., at]) for at, size in enumerate(sizes, 1)},
        ar1=_mean(table.recall[..., 0, 0]),
        ar10=_mean(table.recall[..., 0, 1]),
        ar=_mean(table.recall[..., 0, -1]),
        **{f"ar_{size}": _mean(table.recall[..., at, -1]) for at, size in enumerate(sizes, 1)},
        pictures=len(truth),
        objects=sum(int((~each.crowd).sum()) for each in truth),
        by_class=by_class,
    )


def scores_by_slice(
    truth: Sequence[TrueObjects],
    found: Sequence[FoundObjects],
    labels: Sequence[str],
    slices: Sequence[str],
    *,
    shape: Shape = "boxes",
    most: int = MOST,
) -> dict[str, DetectionScores]:
    """Score each slice of the pictures by itself; ``slices`` names that of each picture.

    A picture whose slice is '' belongs to none. Slices are in the order of their names.
    """
    scored = {}
    for name in sorted(set(slices) - {""}):
        rows = [row for row, told in enumerate(slices) if told == name]
        scored[name] = detection_scores(
            [truth[row] for row in rows],
            [found[row] for row in rows],
            labels,
            shape=shape,
            most=most,
        )
    return scored


def slices_by_rank(values: Real, names: Sequence[str] = ("low", "middle", "high")) -> list[str]:
    """Names of equally large slices of pictures by a number each, such as their brightness.

    ``values``: float, count; nan (not known) belongs to no slice. Equal values share a slice.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return [""] * len(values)
    bounds = np.quantile(known, np.linspace(0, 1, len(names) + 1)[1:-1])
    places = np.searchsorted(bounds, values, side="left")
    return [
        "" if np.isnan(value) else names[place] for value, place in zip(values, places, strict=True)
    ]


def _class_scores(
    table: CocoTable, place: int, truth: Sequence[TrueObjects], found: Sequence[FoundObjects]
) -> ClassScores:
    precision = table.precision[:, :, place, 0]
    return ClassScores(
        ap=_mean(precision),
        ap50=_mean(precision[_AT_50]),
        ap75=_mean(precision[_AT_75]),
        ar=_mean(table.recall[:, place, 0, -1]),
        objects=sum(_count(each.classes[~each.crowd], place) for each in truth),
        found=sum(_count(each.classes, place) for each in found),
        curve=Curve(_RECALLS, precision[_AT_50], table.scores[_AT_50, :, place, 0]),
    )


def _count(classes: NDArray[np.int64], place: int) -> int:
    return int((classes == place).sum())


def _mean(values: Real) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")

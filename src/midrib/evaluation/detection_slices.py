"""How well a detector does on parts of a split: by size of objects, brightness, contrast, group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.detection_scores import most_counted
from midrib.metrics import DetectionScores, scores_by_slice, slices_by_rank
from midrib.metrics.coco import SIZES
from midrib.packages import PICTURE_STATISTICS

MOST_GROUPS = 12
"""Groups that are told; of more, those with the most pictures."""

_FEWEST_PICTURES = 6  # of fewer, thirds say nothing
_BOUNDS = (32**2, 96**2)  # as COCO has them
_RANKED = ("brightness", "contrast")
_RANKS = ("lowest third", "middle third", "highest third")


@dataclass(frozen=True)
class Slice:
    """One part of a split. ``ap`` and ``ap50`` are None where they are not measured."""

    by: str
    name: str
    pictures: int
    objects: int
    ap: float | None
    ap50: float | None


def detection_slices(evaluation: DetectionEvaluation) -> list[Slice]:
    """Parts that have an object, each with its scores; those by size are of COCO's three sizes."""
    if not len(evaluation):
        return []
    told = [*_by_size(evaluation), *_by_rank(evaluation), *_by_group(evaluation)]
    return [each for each in told if each.objects]


def _by_size(evaluation: DetectionEvaluation) -> Iterator[Slice]:
    scores = _scored(evaluation, ["all"] * len(evaluation))
    sides = [each.xyxy[:, 2:] - each.xyxy[:, :2] for each in evaluation.truth]
    places = [
        np.searchsorted(_BOUNDS, each.prod(axis=1)[~truth.crowd])
        for each, truth in zip(sides, evaluation.truth, strict=True)
    ]
    for place, size in enumerate(SIZES[1:]):
        counts = [int((each == place).sum()) for each in places]
        ap = _known(getattr(scores["all"], f"ap_{size}"))
        yield Slice("object size", size, sum(map(bool, counts)), sum(counts), ap, None)


def _by_rank(evaluation: DetectionEvaluation) -> Iterator[Slice]:
    if len(evaluation) < _FEWEST_PICTURES:
        return
    for statistic in _RANKED:
        values = evaluation.statistics[:, PICTURE_STATISTICS.index(statistic)].astype(np.float64)
        slices = slices_by_rank(values, _RANKS)
        yield from _slices(evaluation, statistic, slices, _RANKS)


def _by_group(evaluation: DetectionEvaluation) -> Iterator[Slice]:
    counts = Counter(group for group in evaluation.groups if group)
    shown = sorted(name for name, _ in counts.most_common(MOST_GROUPS))
    if len(shown) > 1:
        slices = [group if group in shown else "" for group in evaluation.groups]
        yield from _slices(evaluation, "group", slices, shown)


def _slices(
    evaluation: DetectionEvaluation, by: str, slices: Sequence[str], order: Sequence[str]
) -> Iterator[Slice]:
    scored = _scored(evaluation, slices)
    for name in order:
        if name in scored:
            found = scored[name]
            ap, ap50 = _known(found.ap), _known(found.ap50)
            yield Slice(by, name, found.pictures, found.objects, ap, ap50)


def _scored(evaluation: DetectionEvaluation, slices: Sequence[str]) -> dict[str, DetectionScores]:
    truth, found = evaluation.truth, evaluation.found
    return scores_by_slice(
        truth,
        found,
        evaluation.labels,
        slices,
        shape=evaluation.shape,
        most=most_counted(found),
    )


def _known(value: float) -> float | None:
    return None if isnan(value) else value

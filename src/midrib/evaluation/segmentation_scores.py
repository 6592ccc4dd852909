"""Scores of a segmenter, each with the interval it could have fallen in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation.scores import WITHOUT_LEAKS
from midrib.evaluation.segmentation_records import PixelCounts, SegmentationEvaluation
from midrib.metrics.decisions import Real
from midrib.metrics.resampling import ROUNDS
from midrib.records import Score

MIOU = "miou"
IOU_OF = "iou:"
DICE_OF = "dice:"
BOUNDARY_IOU_OF = "boundary_iou:"
"""What stands before a class's label in the names of its scores."""

_CENTRAL_95 = (2.5, 97.5)


def scored(evaluation: SegmentationEvaluation) -> SegmentationEvaluation:
    """The evaluation with its scores; with leaked pictures, beside them those without."""
    every = np.ones(len(evaluation), np.int64)
    scores = _scores(evaluation, every, evaluation.split)
    leaked = set(evaluation.leaked)
    kept = np.array([path not in leaked for path in evaluation.paths], np.int64)
    if leaked and kept.any():
        scores += _scores(evaluation, kept, evaluation.split + WITHOUT_LEAKS)
    return replace(evaluation, scores=tuple(scores))


def with_leaks(
    evaluation: SegmentationEvaluation, leaked: Iterable[Path]
) -> SegmentationEvaluation:
    """The evaluation, scored with and without the pictures that training saw copies of."""
    named = tuple(leaked)
    return scored(replace(evaluation, leaked=named)) if named else evaluation


def iou_of_pictures(evaluation: SegmentationEvaluation) -> Real:
    """The mean intersection over union of each picture alone: float64, count; nan without any."""
    rows = evaluation.counts.weighted(np.eye(len(evaluation), dtype=np.int64))
    return _numbers(rows, evaluation.labels)[MIOU]


def _scores(
    evaluation: SegmentationEvaluation, taken: NDArray[np.int64], split: str
) -> list[Score]:
    """Of the pictures that are taken (0 or 1), with percentile bootstrap intervals over them."""
    pictures = int(taken.sum())
    random = np.random.default_rng(0)
    drawn = random.multinomial(pictures, taken / pictures, size=ROUNDS)
    value = _numbers(evaluation.counts.weighted(taken[None]), evaluation.labels)
    resampled = _numbers(evaluation.counts.weighted(drawn), evaluation.labels)
    scores = []
    for name, [number] in value.items():
        if isnan(number):
            continue
        measured = resampled[name][~np.isnan(resampled[name])]
        low, high = np.percentile(np.append(measured, number), _CENTRAL_95)
        bounds = {"low": min(float(low), number), "high": max(float(high), number)}
        scores.append(
            Score(metric=name, value=float(number), **bounds, pictures=pictures, split=split)
        )
    return scores


def _numbers(counts: PixelCounts, labels: tuple[str, ...]) -> dict[str, Real]:
    """Scores by name, float64, one a row of ``counts``; nan where there is nothing to measure.

    As `midrib.metrics.segmentation_scores` has them, for many resamples at once.
    """
    both = counts.true + counts.decided
    by_class = {
        IOU_OF: _ratio(counts.right, both - counts.right),
        DICE_OF: _ratio(2 * counts.right, both),
        BOUNDARY_IOU_OF: _ratio(counts.rim_shared, counts.rim_united),
    }
    numbers = {
        MIOU: _mean(by_class[IOU_OF]),
        "dice": _mean(by_class[DICE_OF]),
        "boundary_iou": _mean(by_class[BOUNDARY_IOU_OF]),
        "accuracy": _ratio(counts.right.sum(axis=1), counts.true.sum(axis=1)),
    }
    for prefix, values in by_class.items():
        numbers |= {f"{prefix}{label}": values[:, at] for at, label in enumerate(labels)}
    return numbers


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Real:
    ratio: Real = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _mean(values: Real) -> Real:
    """Of each row over the classes that are there."""
    there = ~np.isnan(values)
    return _ratio_of(np.where(there, values, 0).sum(axis=1), there.sum(axis=1))


def _ratio_of(total: Real, count: NDArray[np.int64]) -> Real:
    mean: Real = np.full(total.shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean

"""Scores of a detector, each with the interval it could have fallen in, and its threshold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.instances import instance_counts, instance_numbers
from midrib.evaluation.scores import WITHOUT_LEAKS
from midrib.metrics import PanopticCounts
from midrib.metrics.coco import MOST
from midrib.metrics.detection import detection_scores
from midrib.metrics.matching import FREE, match, same_class
from midrib.metrics.objects import FoundObjects, Shape, TrueObjects, overlaps
from midrib.records import Score

AP50 = "ap50"
MASK = "mask_"
"""What stands before COCO's numbers where masks are compared."""

_COCO = ("ap", "ap50", "ap75", "ar")
_SAME = 0.5
_CENTRAL_95 = (2.5, 97.5)
_ROUNDS = (20, 100)
# Objects that are looked at in all resamples together: some seconds of one core.
_MOST_OBJECTS = 200_000
_Flags = NDArray[np.bool_]


def scored(evaluation: DetectionEvaluation) -> DetectionEvaluation:
    """The evaluation with its scores; with leaked pictures, beside them those without."""
    rows, instances = np.arange(len(evaluation)), instance_counts(evaluation)
    scores = _scores(evaluation, instances, rows, evaluation.split)
    leaked = set(evaluation.leaked)
    kept = np.array([row for row in rows if evaluation.paths[row] not in leaked], np.int64)
    if leaked and len(kept):
        scores += _scores(evaluation, instances, kept, evaluation.split + WITHOUT_LEAKS)
    return replace(evaluation, scores=tuple(scores))


def with_leaks(evaluation: DetectionEvaluation, leaked: Iterable[Path]) -> DetectionEvaluation:
    """The evaluation, scored with and without the pictures that training saw copies of."""
    named = tuple(leaked)
    return scored(replace(evaluation, leaked=named)) if named else evaluation


def _scores(
    evaluation: DetectionEvaluation,
    instances: Sequence[PanopticCounts],
    rows: NDArray[np.int64],
    split: str,
) -> list[Score]:
    """Of the pictures in ``rows``, with percentile bootstrap intervals over pictures."""
    objects = sum(len(evaluation.truth[row]) + len(evaluation.found[row]) for row in rows)
    rounds = int(np.clip(_MOST_OBJECTS // max(1, objects), *_ROUNDS))
    random = np.random.default_rng(0)
    value = _numbers(evaluation, instances, rows)
    drawn_rows = (random.choice(rows, len(rows)) for _ in range(rounds))
    resampled = [_numbers(evaluation, instances, each) for each in drawn_rows]
    scores = []
    for name, number in value.items():
        drawn = np.array([each.get(name, np.nan) for each in resampled])
        drawn = np.append(drawn[~np.isnan(drawn)], number)
        low, high = np.percentile(drawn, _CENTRAL_95)
        bounds = {"low": min(float(low), number), "high": max(float(high), number)}
        scores.append(Score(metric=name, value=number, **bounds, pictures=len(rows), split=split))
    return scores


def _numbers(
    evaluation: DetectionEvaluation, instances: Sequence[PanopticCounts], rows: NDArray[np.int64]
) -> dict[str, float]:
    """What can be measured, by name: a class without objects has no number."""
    truth = [evaluation.truth[row] for row in rows]
    found = [evaluation.found[row] for row in rows]
    most = most_counted(evaluation.found)
    coco = detection_scores(truth, found, evaluation.labels, most=most)
    numbers = {name: float(getattr(coco, name)) for name in _COCO}
    of_masks = ""
    if evaluation.with_masks:
        of_masks = MASK
        coco = detection_scores(truth, found, evaluation.labels, shape="masks", most=most)
        numbers |= {f"{MASK}{name}": float(getattr(coco, name)) for name in _COCO}
        numbers |= instance_numbers([instances[row] for row in rows], evaluation.labels)
    threshold = np.float32(evaluation.threshold)
    hits, misses, wrong = 0, 0, 0
    for true, all_found in zip(truth, found, strict=True):
        answered = all_found.only(np.flatnonzero(all_found.scores >= threshold))
        right, counted = judge(answered, true, evaluation.shape)
        hits += int(right.sum())
        wrong += int((counted & ~right).sum())
        misses += int((~true.crowd).sum()) - int(right.sum())
    numbers["precision"] = hits / (hits + wrong) if hits + wrong else float("nan")
    numbers["recall"] = hits / (hits + misses) if hits + misses else float("nan")
    if len(evaluation.labels) > 1:
        classes = coco.by_class.items()
        numbers |= {f"{of_masks}{AP50}:{label}": each.ap50 for label, each in classes}
    return {name: number for name, number in numbers.items() if not isnan(number)}


def most_counted(found: Sequence[FoundObjects]) -> int:
    """Found objects of a picture that count: COCO's hundred, unless tiles found more in one."""
    return max([MOST, *map(len, found)])


def judge(found: FoundObjects, truth: TrueObjects, shape: Shape = "boxes") -> tuple[_Flags, _Flags]:
    """Which found objects, surest first, are right, and which count at all; both bool, found.

    At an IoU of 0.5 and of the same class; what lies in a crowd counts neither way.
    """
    matches = match(overlaps(found, truth, shape), same_class(found, truth), truth.crowd, _SAME)
    return matches.taken != FREE, ~matches.ignored


def best_threshold(
    truth: Sequence[TrueObjects], found: Sequence[FoundObjects], shape: Shape = "boxes"
) -> float:
    """The score from which on answered objects have the best F1; 0.5 where nothing is right.

    It lies midway to the next score below, so that another engine's rounding changes nothing.
    """
    pairs = [judge(each, true, shape) for each, true in zip(found, truth, strict=True)]
    scores = [each.scores[counted] for each, (_, counted) in zip(found, pairs, strict=True)]
    rights = [right[counted] for right, counted in pairs]
    score, right = np.concatenate([*scores, []]), np.concatenate([*rights, []]).astype(bool)
    objects = sum(int((~each.crowd).sum()) for each in truth)
    if not right.any():
        return 0.5
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + objects)
    best = int(np.argmax(f1))
    below = score[score < score[best]].max(initial=0)
    return float((score[best] + below) / 2)

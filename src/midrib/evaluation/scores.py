"""The table of scores: every number with the interval it could have fallen in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation.records import Evaluation
from midrib.metrics import METRICS, accuracy, average_precision, bootstrap
from midrib.metrics.decisions import Truth
from midrib.metrics.resampling import ROUNDS, Measure
from midrib.records import Floats, Score

RECALL = "recall:"
_OF_DECISIONS = ("accuracy", "balanced_accuracy")
_OF_ANSWERS = ("roc_auc", "log_loss", "ece")
# Numbers that are looked at in all resamples together: some seconds of one core.
_MOST_NUMBERS = 20_000_000
_LEAST_ROUNDS = 100


WITHOUT_LEAKS = " without leaked pictures"
"""What is added to the name of a split in scores that leave out what training saw copies of."""


def scored(evaluation: Evaluation) -> Evaluation:
    """The evaluation with its scores; with leaked pictures, beside them those without."""
    every = np.ones(len(evaluation), bool)
    scores = _scores(evaluation, every, evaluation.split)
    leaked = set(evaluation.leaked)
    kept = np.array([path not in leaked for path in evaluation.paths], bool)
    if leaked and kept.any():
        scores += _scores(evaluation, kept, evaluation.split + WITHOUT_LEAKS)
    return replace(evaluation, scores=tuple(scores))


def with_leaks(evaluation: Evaluation, leaked: Iterable[Path]) -> Evaluation:
    """The evaluation, scored with and without the pictures that training saw copies of."""
    named = tuple(leaked)
    return scored(replace(evaluation, leaked=named)) if named else evaluation


def _scores(evaluation: Evaluation, rows: NDArray[np.bool_], split: str) -> list[Score]:
    return score_answers(
        evaluation.truth[rows],
        evaluation.answer[rows],
        evaluation.decided[rows],
        evaluation.labels,
        positive=evaluation.positive_index,
        split=split,
    )


def score_answers(
    truth: Truth,
    answer: Floats,
    decided: NDArray[np.int64],
    labels: tuple[str, ...],
    *,
    positive: int | None,
    split: str,
) -> list[Score]:
    """Score one split.

    Accuracies and recalls are about what was decided, at the package's threshold; the others
    about the probabilities.

    Args:
        truth: int64, count.
        answer: float32, count × classes.
        decided: int64, count.
        labels: in the order of the answer; each gets its recall, as 'recall:<label>'.
        positive: the place of the class whose average precision is measured; None: of none.
        split: what the pictures are.

    Returns:
        What can be measured: a class without pictures has no recall.
    """
    measures: list[tuple[str, Measure, NDArray[np.generic]]] = [
        (name, METRICS.get(name).measure, answer) for name in _OF_ANSWERS
    ]
    if positive is not None:
        precision = partial(average_precision, positive=positive)
        measures.insert(1, ("average_precision", precision, answer))
    measures += [(name, METRICS.get(name).measure, decided) for name in _OF_DECISIONS]
    measures += [
        (f"{RECALL}{label}", partial(_recall, place=place), decided)
        for place, label in enumerate(labels)
    ]
    rounds = int(np.clip(_MOST_NUMBERS // max(1, answer.size), _LEAST_ROUNDS, ROUNDS))
    intervals = [
        (name, bootstrap(measure, truth, what, rounds=rounds)) for name, measure, what in measures
    ]
    return [
        Score(metric=name, **interval._asdict(), pictures=len(truth), split=split)
        for name, interval in intervals
        if not isnan(interval.value)
    ]


def _recall(truth: Truth, decided: NDArray[np.generic], *, place: int) -> float:
    return accuracy(truth[truth == place], decided[truth == place])

"""From which probability on the positive class is decided, chosen on the validation split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from midrib.errors import DatasetError, UsageError
from midrib.evaluation.records import Evaluation
from midrib.metrics import Curve, roc_curve
from midrib.names import Registry, unknown_name

Rule = Callable[[Curve, str], int]
"""Takes a ROC curve and what stands after the colon; gives the place of its threshold."""

THRESHOLD_RULES: Registry[Rule] = Registry("threshold rule")


@THRESHOLD_RULES.register("balanced")
def _balanced(curve: Curve, option: str) -> int:
    """The largest sum of recall and specificity: W. J. Youden, Cancer 3(1), 1950."""
    if option:
        raise UsageError(
            f"the threshold rule 'balanced:{option}'",
            expected="'balanced' alone",
            todo=f"remove ':{option}', or take 'recall:{option}'",
        )
    # The first point decides nothing positive: no threshold up to 1 stands for it.
    return 1 + int(np.argmax(curve.y[1:] - curve.x[1:]))


@THRESHOLD_RULES.register("recall")
def _recall(curve: Curve, option: str) -> int:
    """The highest threshold that finds at least this share of the positive pictures."""
    try:
        wanted = float(option)
    except ValueError:
        wanted = float("nan")
    if not 0 < wanted <= 1:
        raise UsageError(
            f"the threshold rule 'recall:{option}'",
            expected="a share above 0 and up to 1",
            todo="write it as in 'recall:0.95'",
        )
    return int(np.argmax(curve.y >= wanted))


def choose_threshold(evaluation: Evaluation, rule: str, *, positive: str | None = None) -> float:
    """Choose a threshold for the probability of the positive class; 0 to 1.

    It lies midway between the least score that is decided positive and the next below, so that
    another engine's rounding does not change decisions.

    Args:
        evaluation: of the validation split, with two labels.
        rule: 'balanced', or 'recall:0.95' for at least that recall.
        positive: the label that is looked for; None: the evaluation's.

    Raises:
        UnknownNameError: there is no such rule or label.
        UsageError: the rule's number does not fit, or there are not two labels.
        DatasetError: one of the classes has no picture.
    """
    name, _, option = rule.partition(":")
    choose = THRESHOLD_RULES.get(name)
    index = _positive_index(evaluation, positive)
    is_positive, score = evaluation.truth == index, evaluation.answer[:, index]
    if is_positive.all() or not is_positive.any():
        raise DatasetError(
            f"the {evaluation.split} split has pictures of one class only",
            expected="both, to choose a threshold between",
            todo="split the data again with more pictures",
        )
    curve = roc_curve(is_positive, score)
    return _midway(score, float(curve.threshold[choose(curve, option)]))


def _positive_index(evaluation: Evaluation, positive: str | None) -> int:
    index = evaluation.positive_index
    if positive is not None and positive not in evaluation.labels:
        raise unknown_name("label", positive, evaluation.labels)
    if positive is not None:
        index = evaluation.labels.index(positive)
    if len(evaluation.labels) != 2 or index is None:
        raise UsageError(
            f"a threshold among the labels {', '.join(evaluation.labels[:20])}",
            expected="two labels",
            todo="leave the threshold out: the most probable label wins",
        )
    return index


def _midway(score: NDArray[np.float32], least: float) -> float:
    """Midway between ``least`` and the next score below it, or 0.

    Scores are float32 and so is the comparison with them: the result is exact in it.
    """
    floor = float(score[score < least].max(initial=0))
    middle = float(np.float32((floor + least) / 2))
    return middle if middle > floor else least

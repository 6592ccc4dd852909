"""What is asked of an evaluation whatever its task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from midrib.errors import UsageError
from midrib.evaluation import decision as classified
from midrib.evaluation import detection_scores, scores
from midrib.evaluation.detection_records import TASK, DetectionEvaluation, task_of
from midrib.evaluation.records import Evaluation
from midrib.evaluation.scoring import AnyEvaluation
from midrib.packages import Decision


def load_evaluation(path: Path) -> AnyEvaluation:
    """Read what an evaluation's ``save`` wrote. Raises ``StorageError``."""
    kind = DetectionEvaluation if task_of(path) == TASK else Evaluation
    return kind.load(path)


def require_classified(evaluation: AnyEvaluation) -> Evaluation:
    """The evaluation of a classifier. Raises ``UsageError`` for another's."""
    if isinstance(evaluation, Evaluation):
        return evaluation
    raise UsageError(
        "the evaluation of a detector", expected="a classifier's", todo="name a classifier"
    )


def decide_again(evaluation: AnyEvaluation, decision: Decision) -> AnyEvaluation:
    """``evaluation`` as it would have been with ``decision``, without asking the model again."""
    if isinstance(evaluation, DetectionEvaluation):
        return detection_scores.scored(replace(evaluation, threshold=decision.threshold))
    return classified.decide_again(evaluation, decision)


def with_leaks(evaluation: AnyEvaluation, leaked: Iterable[Path]) -> AnyEvaluation:
    """The evaluation, scored with and without the pictures that training saw copies of."""
    if isinstance(evaluation, DetectionEvaluation):
        return detection_scores.with_leaks(evaluation, leaked)
    return scores.with_leaks(evaluation, leaked)

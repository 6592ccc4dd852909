"""What is asked of an evaluation whatever its task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from midrib.errors import UsageError
from midrib.evaluation import decision as classified
from midrib.evaluation import detection_scores, scores, segmentation_scores
from midrib.evaluation.detection_records import DetectionEvaluation, task_of
from midrib.evaluation.records import Evaluation
from midrib.evaluation.scoring import AnyEvaluation
from midrib.evaluation.segmentation_records import SegmentationEvaluation
from midrib.packages import Decision

_KINDS: dict[str, type[AnyEvaluation]] = {
    "classification": Evaluation,
    "detection": DetectionEvaluation,
    "segmentation": SegmentationEvaluation,
}


def load_evaluation(path: Path) -> AnyEvaluation:
    """Read what an evaluation's ``save`` wrote. Raises ``StorageError``."""
    return _KINDS[task_of(path)].load(path)


def require_classified(evaluation: AnyEvaluation) -> Evaluation:
    """The evaluation of a classifier. Raises ``UsageError`` for another's."""
    if isinstance(evaluation, Evaluation):
        return evaluation
    raise UsageError(
        f"a {type(evaluation).__name__}", expected="a classifier's", todo="name a classifier"
    )


def decide_again(evaluation: AnyEvaluation, decision: Decision) -> AnyEvaluation:
    """``evaluation`` as it would have been with ``decision``, without asking the model again.

    Raises ``UsageError`` for a segmenter's with another decision than its own: of pixels only what
    was decided is kept.
    """
    if isinstance(evaluation, SegmentationEvaluation):
        if decision != evaluation.decision:
            raise UsageError(
                "another decision for the evaluation of a segmenter",
                expected="its own: of pixels only what was decided is kept",
                todo="run 'midrib export' with the other --threshold",
            )
        return evaluation
    if isinstance(evaluation, DetectionEvaluation):
        return detection_scores.scored(replace(evaluation, threshold=decision.threshold))
    return classified.decide_again(evaluation, decision)


def with_leaks(evaluation: AnyEvaluation, leaked: Iterable[Path]) -> AnyEvaluation:
    """The evaluation, scored with and without the pictures that training saw copies of."""
    if isinstance(evaluation, DetectionEvaluation):
        return detection_scores.with_leaks(evaluation, leaked)
    if isinstance(evaluation, SegmentationEvaluation):
        return segmentation_scores.with_leaks(evaluation, leaked)
    return scores.with_leaks(evaluation, leaked)

"""Score a package through the code that serves it, and tell the whole run on one page."""

from midrib.evaluation.answers import LabelledPicture
from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.detection_scores import best_threshold
from midrib.evaluation.records import Evaluation, Skipped
from midrib.evaluation.reference import build_reference
from midrib.evaluation.scoring import AnyEvaluation, evaluate_package
from midrib.evaluation.segmentation_records import SegmentationEvaluation
from midrib.evaluation.tasks import decide_again, load_evaluation, require_classified, with_leaks
from midrib.evaluation.threshold import THRESHOLD_RULES, choose_threshold

__all__ = [
    "THRESHOLD_RULES",
    "AnyEvaluation",
    "DetectionEvaluation",
    "Evaluation",
    "LabelledPicture",
    "SegmentationEvaluation",
    "Skipped",
    "best_threshold",
    "build_reference",
    "choose_threshold",
    "decide_again",
    "evaluate_package",
    "load_evaluation",
    "require_classified",
    "with_leaks",
]

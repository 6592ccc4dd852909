"""Score a package through the code that serves it, and tell the whole run on one page."""

from midrib.evaluation.decision import decide_again
from midrib.evaluation.records import Evaluation, Skipped
from midrib.evaluation.reference import build_reference
from midrib.evaluation.scores import with_leaks
from midrib.evaluation.scoring import LabelledPicture, evaluate_package
from midrib.evaluation.threshold import THRESHOLD_RULES, choose_threshold

__all__ = [
    "THRESHOLD_RULES",
    "Evaluation",
    "LabelledPicture",
    "Skipped",
    "build_reference",
    "choose_threshold",
    "decide_again",
    "evaluate_package",
    "with_leaks",
]

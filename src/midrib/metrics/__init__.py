"""Numbers from answers and truth. Arrays only, so that training, evaluation and the field agree.

A metric takes the truth (int64, count) and the answer (float, count × classes, probabilities);
those about decisions also take the decided classes themselves (int64, count). Objects are scored
from what is true and what was found, one record a picture.
"""

from midrib.metrics.decisions import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    macro_f1,
    recall_by_class,
)
from midrib.metrics.detection import (
    ClassScores,
    DetectionScores,
    detection_scores,
    scores_by_slice,
    slices_by_rank,
)
from midrib.metrics.detection_confusion import detection_confusion
from midrib.metrics.detection_errors import ErrorKinds, error_kinds
from midrib.metrics.named import METRICS, Metric
from midrib.metrics.objects import FoundObjects, TrueObjects
from midrib.metrics.panoptic import (
    InstanceMap,
    PanopticCounts,
    PanopticScores,
    Quality,
    panoptic_counts,
    panoptic_scores,
)
from midrib.metrics.probabilities import (
    CalibrationBins,
    calibration_bins,
    expected_calibration_error,
    log_loss,
)
from midrib.metrics.ranking import Curve, average_precision, pr_curve, roc_auc, roc_curve
from midrib.metrics.resampling import Interval, bootstrap, paired_bootstrap, resamples
from midrib.metrics.segmentation import (
    ClassOverlap,
    SegmentationCounts,
    SegmentationScores,
    segmentation_counts,
    segmentation_scores,
)

__all__ = [
    "METRICS",
    "CalibrationBins",
    "ClassOverlap",
    "ClassScores",
    "Curve",
    "DetectionScores",
    "ErrorKinds",
    "FoundObjects",
    "InstanceMap",
    "Interval",
    "Metric",
    "PanopticCounts",
    "PanopticScores",
    "Quality",
    "SegmentationCounts",
    "SegmentationScores",
    "TrueObjects",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "bootstrap",
    "calibration_bins",
    "confusion_matrix",
    "detection_confusion",
    "detection_scores",
    "error_kinds",
    "expected_calibration_error",
    "log_loss",
    "macro_f1",
    "paired_bootstrap",
    "panoptic_counts",
    "panoptic_scores",
    "pr_curve",
    "recall_by_class",
    "resamples",
    "roc_auc",
    "roc_curve",
    "scores_by_slice",
    "segmentation_counts",
    "segmentation_scores",
    "slices_by_rank",
]

"""Metrics by the names that users type."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from midrib.metrics.decisions import Real, Truth, accuracy, balanced_accuracy, macro_f1
from midrib.metrics.probabilities import expected_calibration_error, log_loss
from midrib.metrics.ranking import average_precision, roc_auc
from midrib.names import Registry


@dataclass(frozen=True)
class Metric:
    """A number that can be asked for by name.

    ``measure`` takes the truth (int64, count) and the answer (float, count × classes).
    ``better`` says which way is good; ``title`` is its name in tables; ``of`` tells whether it
    is about the decided class, and may be given that instead of the answer.
    """

    title: str
    measure: Callable[[Truth, Any], float]
    better: Literal["higher", "lower"] = "higher"
    of: Literal["answer", "decided"] = "answer"

    def __call__(self, truth: Truth, answer: Real) -> float:
        return self.measure(truth, answer)

    def improves(self, value: float, best: float | None) -> bool:
        """Whether ``value`` is better than ``best``; anything beats None, nan beats nothing."""
        if best is None:
            return not math.isnan(value)
        return value > best if self.better == "higher" else value < best


METRICS: Registry[Metric] = Registry("metric")

METRICS.register("accuracy")(Metric("Accuracy", accuracy, of="decided"))
METRICS.register("balanced_accuracy")(Metric("Balanced accuracy", balanced_accuracy, of="decided"))
METRICS.register("macro_f1")(Metric("Macro F1", macro_f1, of="decided"))
METRICS.register("roc_auc")(Metric("ROC AUC", roc_auc))
METRICS.register("average_precision")(Metric("Average precision", average_precision))
METRICS.register("log_loss")(Metric("Log loss", log_loss, better="lower"))
METRICS.register("ece")(
    Metric("Expected calibration error", expected_calibration_error, better="lower")
)

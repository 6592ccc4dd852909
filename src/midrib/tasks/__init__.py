"""What answers: head, loss and decoding of each task, over any backbone.

What needs torch is loaded on first use, so that algorithms can be listed at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from midrib.tasks.algorithms import ALGORITHMS, USUAL, Algorithm

if TYPE_CHECKING:
    from midrib.tasks.classification import Classifier, ServedClassifier
    from midrib.tasks.interface import ModelRequest, TaskModel
    from midrib.tasks.losses import LOSSES, create_loss
    from midrib.tasks.making import make_model
    from midrib.tasks.plan import DetectionPlan, derive_plan
    from midrib.tasks.segmentation_plan import SegmentationPlan, derive_segmentation_plan

__all__ = [
    "ALGORITHMS",
    "LOSSES",
    "USUAL",
    "Algorithm",
    "Classifier",
    "DetectionPlan",
    "ModelRequest",
    "SegmentationPlan",
    "ServedClassifier",
    "TaskModel",
    "create_loss",
    "derive_plan",
    "derive_segmentation_plan",
    "make_model",
]

_MODULES = {
    "Classifier": "classification",
    "DetectionPlan": "plan",
    "ModelRequest": "interface",
    "SegmentationPlan": "segmentation_plan",
    "ServedClassifier": "classification",
    "TaskModel": "interface",
    "derive_plan": "plan",
    "derive_segmentation_plan": "segmentation_plan",
    "make_model": "making",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'losses')}"), name)

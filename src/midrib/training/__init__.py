"""The training loop on Lightning Fabric: exact resume, early stopping, moving average."""

from midrib.training.augmentation import AUGMENTATIONS
from midrib.training.config import TrainConfig
from midrib.training.devices import create_fabric, resolve_device, resolve_precision
from midrib.training.journal import Row, read_rows
from midrib.training.loading import Pictures
from midrib.training.loop import BEST_FILE, FitTask, Fitted, StepReport, fit
from midrib.training.optimizers import OPTIMIZERS, SCHEDULES

__all__ = [
    "AUGMENTATIONS",
    "BEST_FILE",
    "OPTIMIZERS",
    "SCHEDULES",
    "FitTask",
    "Fitted",
    "Pictures",
    "Row",
    "StepReport",
    "TrainConfig",
    "create_fabric",
    "fit",
    "read_rows",
    "resolve_device",
    "resolve_precision",
]

"""The training loop on Lightning Fabric: exact resume, early stopping, moving average."""

from midrib.training import picture_recipes  # noqa: F401 - it registers
from midrib.training.augmentation import AUGMENTATIONS
from midrib.training.config import TrainConfig
from midrib.training.detection import DrawnScenes, Scenes
from midrib.training.devices import create_fabric, resolve_device, resolve_precision
from midrib.training.journal import Row, read_rows
from midrib.training.loading import Pictures
from midrib.training.loop import FitTask, Fitted, StepReport, fit, fit_on_devices
from midrib.training.mosaic import mosaic
from midrib.training.optimizers import OPTIMIZERS, SCHEDULES
from midrib.training.planning import learnt_labels, planned
from midrib.training.preparation import (
    Model,
    new_classifier,
    new_model,
    recipe_for,
    require_fitting,
    require_large_enough,
    require_trainable,
    run_identity,
    starting_classifier,
    starting_model,
    trained_model,
)
from midrib.training.probe import LinearProbe, embed, fit_probe
from midrib.training.run_folder import RunFolder, RunRecord
from midrib.training.scene_augmentation import SCENE_AUGMENTATIONS
from midrib.training.scenes import Scene, scene_of
from midrib.training.segmentation import ClassMaps
from midrib.training.warm_start import LeftOut, WarmStart

__all__ = [
    "AUGMENTATIONS",
    "OPTIMIZERS",
    "SCENE_AUGMENTATIONS",
    "SCHEDULES",
    "ClassMaps",
    "DrawnScenes",
    "FitTask",
    "Fitted",
    "LeftOut",
    "LinearProbe",
    "Model",
    "Pictures",
    "Row",
    "RunFolder",
    "RunRecord",
    "Scene",
    "Scenes",
    "StepReport",
    "TrainConfig",
    "WarmStart",
    "create_fabric",
    "embed",
    "fit",
    "fit_on_devices",
    "fit_probe",
    "learnt_labels",
    "mosaic",
    "new_classifier",
    "new_model",
    "planned",
    "read_rows",
    "recipe_for",
    "require_fitting",
    "require_large_enough",
    "require_trainable",
    "resolve_device",
    "resolve_precision",
    "run_identity",
    "scene_of",
    "starting_classifier",
    "starting_model",
    "trained_model",
]

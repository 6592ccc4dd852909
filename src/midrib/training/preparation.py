"""From data and options to a model that is ready to learn, and back from a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from midrib.backbones import Backbone, BackboneFacts, canonical_name, create_backbone
from midrib.backbones.adapters.probing import on_meta
from midrib.backbones.weights.earlier_run import BEST_FILE, run_folder
from midrib.backbones.weights.origin import Start
from midrib.backbones.weights.start import RANDOM, require_published, start_from, start_identity
from midrib.config import fingerprint
from midrib.datasets import Dataset
from midrib.errors import DatasetError, StorageError, TrainingError, UsageError
from midrib.metrics import METRICS
from midrib.preprocessing import Recipe
from midrib.settings import Settings
from midrib.tasks import (
    ALGORITHMS,
    LOSSES,
    USUAL,
    Classifier,
    DetectionPlan,
    ModelRequest,
    SegmentationPlan,
    TaskModel,
    make_model,
)
from midrib.tasks.algorithms import INSTANCES
from midrib.training.augmentation import AUGMENTATIONS
from midrib.training.config import TrainConfig
from midrib.training.devices import resolve_device
from midrib.training.optimizers import OPTIMIZERS, SCHEDULES
from midrib.training.run_folder import RunFolder, RunRecord
from midrib.training.warm_start import WarmStart, warm_start

_EXPECTED = {
    "classification": "one class for every picture",
    "detection": "boxes, outlines or masks of objects",
    "segmentation": "outlines or masks of objects, or masks of classes",
    INSTANCES: "outlines or masks of objects",
}
_LEARNT_FROM = {
    # Outlines and masks span boxes, so that a detector learns from them too.
    "detection": {"detection", "segmentation"},
    INSTANCES: {"segmentation"},
}
_CONVERT = "name other data, or convert them with 'midrib data convert'"


def run_identity(dataset: Dataset, config: TrainConfig, settings: Settings) -> str:
    """Fingerprint of all that a run depends on. Raises `StorageError` for weights that are not."""
    weights = start_identity(config.weights, settings)
    return fingerprint(
        {
            "data": dataset.version,
            "labels": list(dataset.labels),
            "train": config.model_dump(mode="json") | {"weights": weights},
        }
    )


def require_trainable(config: TrainConfig, settings: Settings) -> None:
    """Raise ``UsageError`` or ``StorageError`` for what can be known before a picture is read."""
    task = ALGORITHMS.get(config.algorithm).task
    _require_names(config, task)
    resolve_device(config.device)
    start_identity(config.weights, settings)
    classifier = on_meta(
        lambda: Classifier(
            create_backbone(config.backbone, weights=RANDOM, size=config.size), 2, config.dropout
        )
    )
    facts = classifier.backbone.facts
    require_published(facts.name, config.weights)
    _require_map(facts, config)
    require_large_enough(config.size, facts)
    classifier.freeze_stages(config.frozen_stages)


def _require_names(config: TrainConfig, task: str) -> None:
    OPTIMIZERS.get(config.optimizer)
    SCHEDULES.get(config.schedule)
    if task == "detection":
        from midrib.tasks.box_losses import BOX_LOSSES, SCORE_LOSSES
        from midrib.training.detection import require_detection_metric
        from midrib.training.scene_augmentation import SCENE_AUGMENTATIONS

        SCENE_AUGMENTATIONS.get(config.augmentation)
        SCORE_LOSSES.get(config.loss)
        BOX_LOSSES.get(config.box_loss)
        require_detection_metric(config.metric)
        return
    if task == "segmentation":
        from midrib.tasks.mask_losses import create_mask_loss
        from midrib.training.scene_augmentation import SCENE_AUGMENTATIONS
        from midrib.training.segmentation import require_segmentation_metric

        SCENE_AUGMENTATIONS.get(config.augmentation)
        create_mask_loss(config.loss)
        require_segmentation_metric(config.metric)
        return
    AUGMENTATIONS.get(config.augmentation)
    LOSSES.get(config.loss)
    METRICS.get(config.metric)


def _require_map(facts: BackboneFacts, config: TrainConfig) -> None:
    algorithm = ALGORITHMS.get(config.algorithm)
    fit = algorithm.fit([level.stride for level in facts.levels])
    if not fit.takes:
        raise UsageError(
            f"{config.algorithm} does not take {facts.name}: {fit.describe()}",
            expected=f"a backbone with maps of stride {', '.join(map(str, algorithm.strides))}",
            todo=f"choose one of 'midrib backbones --algorithm {config.algorithm}'",
        )


def require_large_enough(size: int | None, facts: BackboneFacts) -> None:
    """Raise ``UsageError`` for pictures that the backbone cannot take."""
    if size is not None and size < facts.smallest_size:
        raise UsageError(
            f"pictures of {size} pixels are too small for {facts.name}",
            expected=f"at least {facts.smallest_size}",
            todo=f"add --size {facts.smallest_size} or more",
        )


def require_fitting(dataset: Dataset, algorithm: str) -> None:
    """Raise ``DatasetError`` for labels that the algorithm cannot learn."""
    chosen = ALGORITHMS.get(algorithm)
    task = INSTANCES if chosen.with_masks else chosen.task
    if dataset.task in _LEARNT_FROM.get(task, {task}):
        return
    raise DatasetError(
        f"{dataset.source} is labelled for {dataset.task}, and {algorithm} is for {task}",
        expected=_EXPECTED.get(task, f"labels for {task}"),
        todo=_fitting(dataset.task),
    )


def _fitting(task: str) -> str:
    if task not in USUAL:
        return _CONVERT
    if task != "segmentation":
        return f"add --algorithm {USUAL[task]}"
    return (
        f"add --algorithm {USUAL[task]}, or {USUAL['detection']} for boxes, "
        f"or {USUAL[INSTANCES]} for each object's mask"
    )


def recipe_for(facts: BackboneFacts, config: TrainConfig) -> Recipe:
    """The backbone's own preprocessing, but for what the options say otherwise."""
    height, width = facts.native_size
    return Recipe(
        height=config.size or height,
        width=config.size or width,
        fit=config.fit,
        crop_ratio=config.crop_ratio or facts.crop_ratio,
        filter=facts.filter,
    )


@dataclass(frozen=True)
class Model:
    """What is made: ``labels`` are its classes, ``plan`` its shape where the task has one."""

    config: TrainConfig
    labels: Sequence[str]
    plan: DetectionPlan | SegmentationPlan | None = None

    @property
    def size(self) -> int | None:
        """Height and width that the backbone is made for; None takes its own."""
        return self.plan.height if self.plan else self.config.size


def new_model(
    wanted: Model, start: Start, settings: Settings
) -> tuple[TaskModel, WarmStart | None]:
    """A model on the chosen backbone with its first stages frozen as asked for.

    Equal options begin with equal weights: a run that is killed before its first checkpoint begins
    again as it began.

    Args:
        wanted: what is made.
        start: what the backbone starts from.
        settings: where weights are kept.

    Returns:
        The model, and what it took from an earlier run if it starts from one.

    Raises:
        StorageError: the weights do not fit the backbone.
    """
    config = wanted.config
    torch.manual_seed(config.seed)
    run = run_folder(start.weights.source, settings)
    try:
        backbone = create_backbone(
            config.backbone, weights=start.weights.source, size=wanted.size, settings=settings
        )
    except StorageError as problem:
        raise _told_of_run(run, config, problem) if run else problem from None
    model = _made(wanted, backbone)
    warm = warm_start(model, run, wanted.labels) if run else None
    model.freeze_stages(config.frozen_stages)
    return model, warm


def _made(wanted: Model, backbone: Backbone) -> TaskModel:
    options = wanted.config.model_dump(mode="json")
    request = ModelRequest(backbone, len(wanted.labels), wanted.plan, options)
    return make_model(wanted.config.algorithm, request)


def new_classifier(
    config: TrainConfig, labels: Sequence[str], start: Start, settings: Settings
) -> tuple[Classifier, WarmStart | None]:
    """`new_model` for a classifier. Raises ``UsageError`` when the options ask for another."""
    model, warm = new_model(Model(config, labels), start, settings)
    return _classifier(model), warm


def _classifier(model: TaskModel) -> Classifier:
    if isinstance(model, Classifier):
        return model
    raise UsageError(
        f"a model for {model.task}", expected="a classifier", todo="name a classifier's run"
    )


def _told_of_run(run: Path, config: TrainConfig, problem: StorageError) -> StorageError:
    """``problem``, or what to do where it is that the run was trained on another backbone."""
    its = RunFolder(run).record().train.backbone
    if canonical_name(its) == canonical_name(config.backbone):
        return problem
    return StorageError(
        f"the run {run.name} was trained on {its}: {problem.came}",
        expected=f"a run on {config.backbone}",
        todo=f"add --backbone {its}, or name another run",
    )


def starting_model(record: RunRecord, settings: Settings) -> TaskModel:
    """The model that a run began with, before its first step.

    Raises ``TrainingError`` when the weights that it began with are there no more.
    """
    name = canonical_name(record.train.backbone)
    start = start_from(name, record.weights_source or record.train.weights, settings)
    if record.weights_sha256 not in {"", start.weights.sha256}:
        raise TrainingError(
            f"{start.weights.source} has changed since the run began with it",
            expected=f"the hash {record.weights_sha256[:12]}…",
            todo="restore it, or begin anew with --fresh",
        )
    return new_model(_of(record), start, settings)[0]


def starting_classifier(record: RunRecord, settings: Settings) -> Classifier:
    """`starting_model` of a classifier's run."""
    return _classifier(starting_model(record, settings))


def trained_model(folder: RunFolder) -> TaskModel:
    """The model of a finished run with its best weights."""
    wanted = _of(folder.record())
    backbone = create_backbone(wanted.config.backbone, weights="none", size=wanted.size)
    model = _made(wanted, backbone)
    model.load_state_dict(load_file(folder.path / BEST_FILE))
    return model.eval()


def _of(record: RunRecord) -> Model:
    return Model(record.train, record.labels, record.plan)

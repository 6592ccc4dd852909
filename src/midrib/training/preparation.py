"""From data and options to a model that is ready to learn, and back from a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file

from midrib.backbones import BackboneFacts, canonical_name, create_backbone
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
from midrib.tasks import LOSSES, Classifier
from midrib.training.augmentation import AUGMENTATIONS
from midrib.training.config import TrainConfig
from midrib.training.devices import resolve_device
from midrib.training.optimizers import OPTIMIZERS, SCHEDULES
from midrib.training.run_folder import RunFolder, RunRecord
from midrib.training.warm_start import WarmStart, warm_start


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
    for registry, chosen in (
        (AUGMENTATIONS, config.augmentation),
        (LOSSES, config.loss),
        (METRICS, config.metric),
        (OPTIMIZERS, config.optimizer),
        (SCHEDULES, config.schedule),
    ):
        registry.get(chosen)
    resolve_device(config.device)
    start_identity(config.weights, settings)
    classifier = on_meta(
        lambda: Classifier(
            create_backbone(config.backbone, weights=RANDOM, size=config.size), 2, config.dropout
        )
    )
    facts = classifier.backbone.facts
    require_published(facts.name, config.weights)
    if config.size is not None and config.size < facts.smallest_size:
        raise UsageError(
            f"pictures of {config.size} pixels are too small for {facts.name}",
            expected=f"at least {facts.smallest_size}",
            todo=f"add --size {facts.smallest_size} or more",
        )
    classifier.freeze_stages(config.frozen_stages)


def require_one_class_each(dataset: Dataset) -> None:
    """Raise ``DatasetError`` for labels that a classifier cannot learn."""
    if dataset.task != "classification":
        raise DatasetError(
            f"{dataset.source} is labelled for {dataset.task}",
            expected="one class for every picture",
            todo="name data for classification, or convert it with 'midrib data convert'",
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


def new_classifier(
    config: TrainConfig, labels: Sequence[str], start: Start, settings: Settings
) -> tuple[Classifier, WarmStart | None]:
    """A classifier on the chosen backbone with its first stages frozen as asked for.

    Equal options begin with equal weights: a run that is killed before its first checkpoint begins
    again as it began.

    Args:
        config: the options.
        labels: the classes.
        start: what the backbone starts from.
        settings: where weights are kept.

    Returns:
        The classifier, and what it took from an earlier run if it starts from one.

    Raises:
        StorageError: the weights do not fit the backbone.
    """
    torch.manual_seed(config.seed)
    run = run_folder(start.weights.source, settings)
    try:
        backbone = create_backbone(
            config.backbone, weights=start.weights.source, size=config.size, settings=settings
        )
    except StorageError as problem:
        raise _told_of_run(run, config, problem) if run else problem from None
    classifier = Classifier(backbone, len(labels), config.dropout)
    warm = warm_start(classifier, run, labels) if run else None
    classifier.freeze_stages(config.frozen_stages)
    return classifier, warm


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


def starting_classifier(record: RunRecord, settings: Settings) -> Classifier:
    """The classifier that a run began with, before its first step.

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
    return new_classifier(record.train, record.labels, start, settings)[0]


def trained_classifier(folder: RunFolder) -> Classifier:
    """The classifier of a finished run with its best weights."""
    record = folder.record()
    backbone = create_backbone(record.train.backbone, weights="none", size=record.train.size)
    classifier = Classifier(backbone, len(record.labels), record.train.dropout)
    classifier.load_state_dict(load_file(folder.path / BEST_FILE))
    return classifier.eval()

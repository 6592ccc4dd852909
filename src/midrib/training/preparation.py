"""From data and options to a model that is ready to learn, and back from a finished run."""

from __future__ import annotations

import torch
from safetensors.torch import load_file

from midrib.backbones import BackboneFacts, create_backbone
from midrib.config import fingerprint
from midrib.datasets import Dataset
from midrib.preprocessing import Recipe
from midrib.settings import Settings
from midrib.tasks import Classifier
from midrib.training.config import TrainConfig
from midrib.training.loop import BEST_FILE
from midrib.training.run_folder import RunFolder


def run_identity(dataset: Dataset, config: TrainConfig) -> str:
    """Fingerprint of all that a run depends on."""
    return fingerprint(
        {
            "data": dataset.version,
            "labels": list(dataset.labels),
            "train": config.model_dump(mode="json"),
        }
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


def new_classifier(config: TrainConfig, classes: int, settings: Settings) -> Classifier:
    """A classifier on the chosen backbone with its first stages frozen as asked for.

    Equal options begin with equal weights: a run that is killed before its first checkpoint begins
    again as it began.
    """
    torch.manual_seed(config.seed)
    backbone = create_backbone(config.backbone, weights=config.weights, settings=settings)
    classifier = Classifier(backbone, classes, config.dropout)
    classifier.freeze_stages(config.frozen_stages)
    return classifier


def trained_classifier(folder: RunFolder) -> Classifier:
    """The classifier of a finished run with its best weights."""
    record = folder.record()
    backbone = create_backbone(record.train.backbone, weights="none")
    classifier = Classifier(backbone, len(record.labels), record.train.dropout)
    classifier.load_state_dict(load_file(folder.path / BEST_FILE))
    return classifier.eval()

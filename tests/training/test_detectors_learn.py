"""Detectors learn what they are shown: a few scenes by heart."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import make_scene_folder

from midrib.backbones import create_backbone
from midrib.backbones.weights.origin import RANDOM_START
from midrib.datasets import Dataset, read_dataset
from midrib.settings import Settings
from midrib.tasks import ALGORITHMS
from midrib.training import (
    FitTask,
    Fitted,
    Model,
    Scenes,
    TrainConfig,
    create_fabric,
    fit,
    new_model,
    planned,
    recipe_for,
)

DETECTORS = [name for name in ALGORITHMS if ALGORITHMS.get(name).task == "detection"]


def learn_by_heart(folder: Path, dataset: Dataset, config: TrainConfig) -> Fitted:
    """Train and judge on the same pictures."""
    facts = create_backbone(config.backbone, weights="none").facts
    plan = planned(config, facts, dataset.items)
    assert plan is not None
    config = config.model_copy(update={"size": plan.height})
    settings = Settings(home=folder / "home")
    model, _ = new_model(Model(config, dataset.labels, plan), RANDOM_START, settings)
    shown = Scenes(list(dataset.items), dataset.labels, recipe_for(facts, config))
    folder.mkdir(exist_ok=True)
    task = FitTask(model, shown, shown, config, folder, "by-heart")
    return fit(task, create_fabric(config))


@pytest.mark.soak
@pytest.mark.parametrize("algorithm", DETECTORS)
def test_eight_scenes_are_learnt_by_heart(algorithm: str, tmp_path: Path) -> None:
    """Each algorithm reaches an AP50 of 0.9 on eight small scenes that it is shown again."""
    dataset = read_dataset(make_scene_folder(tmp_path / "scenes", count=8))
    config = TrainConfig(
        algorithm=algorithm,
        backbone="timm:test_resnet",
        weights="none",
        augmentation="none",
        batch_size=8,
        epochs=150,
        patience=150,
        warmup=0.05,
        learning_rate=2e-3,
        ema_decay=0.9,
        checkpoint_steps=1000,
        device="cpu",
    )
    fitted = learn_by_heart(tmp_path / "run", dataset, config)
    assert fitted.best_metric is not None
    assert fitted.best_metric >= 0.9

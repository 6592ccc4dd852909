"""Segmenters learn what they are shown: a few scenes by heart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from scenes import make_scene_folder

from midrib.backbones import create_backbone
from midrib.datasets import read_dataset
from midrib.preprocessing import Recipe
from midrib.tasks.segmentation import Segmenter
from midrib.training import FitTask, TrainConfig, create_fabric, fit
from midrib.training.segmentation import ClassMaps


@pytest.mark.soak
@pytest.mark.parametrize("decoder", ["unet", "deeplabv3+"])
def test_eight_scenes_are_learnt_by_heart(decoder: str, tmp_path: Path) -> None:
    """A decoder reaches a mean overlap of 0.95 on eight small scenes that it is shown again."""
    dataset = read_dataset(make_scene_folder(tmp_path / "scenes", count=8))
    shown = ClassMaps(
        list(dataset.items), dataset.labels, Recipe(height=64, width=96, fit="squash")
    )
    config = TrainConfig(
        backbone="timm:test_resnet",
        weights="none",
        loss="dice+cross-entropy",
        metric="miou",
        augmentation="none",
        batch_size=8,
        epochs=120,
        patience=120,
        warmup=0.05,
        learning_rate=5e-3,
        head_rate_factor=1.0,
        ema_decay=0.9,
        device="cpu",
    )
    torch.manual_seed(0)
    backbone = create_backbone(config.backbone, weights="none")
    model = Segmenter(backbone, 1 + len(dataset.labels), decoder)
    folder = tmp_path / "run"
    folder.mkdir()
    fitted = fit(FitTask(model, shown, shown, config, folder, "by-heart"), create_fabric(config))
    assert fitted.best_metric is not None
    assert fitted.best_metric >= 0.95

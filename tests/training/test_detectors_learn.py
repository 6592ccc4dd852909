"""Detectors learn what they are shown: eight real tiles by heart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from real_annotations import tree_crowns

from midrib.backbones import create_backbone
from midrib.datasets import Item, read_dataset
from midrib.datasets.tiles import TileConfig, cut_dataset
from midrib.tasks import ALGORITHMS, ModelRequest, make_model
from midrib.training import FitTask, Scenes, TrainConfig, create_fabric, fit, planned, recipe_for

KNOWN = {name: ALGORITHMS.get(name) for name in ALGORITHMS}
DETECTORS = [
    name for name, each in KNOWN.items() if each.task == "detection" and not each.with_masks
]
TILES = 8
SIDE = 128
SHOWN_AN_EPOCH = 10


@pytest.fixture(scope="session")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """Eight tiles of aerial photos, those with the most crowns."""
    root = tmp_path_factory.mktemp("crowns")
    whole = read_dataset(tree_crowns(root / "photos").folder)
    cut = cut_dataset(whole, root / "tiles", TileConfig(size=SIDE, overlap=0))
    return sorted(cut.items, key=lambda item: (-len(item.annotations), item.path.name))[:TILES]


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("algorithm", DETECTORS)
def test_eight_tiles_are_learnt_by_heart(algorithm: str, tiles: list[Item], tmp_path: Path) -> None:
    """Every detector reaches an AP50 of 0.9 on eight tiles that it is shown again and again."""
    config = TrainConfig(
        algorithm=algorithm,
        backbone="efficientnet-lite0",
        size=SIDE,
        batch_size=4,
        epochs=8,
        patience=8,
        learning_rate=1e-3,
        augmentation="none",
        ema_decay=0.9,
        device="cpu",
    )
    torch.manual_seed(config.seed)
    backbone = create_backbone(config.backbone, weights="packaged", size=config.size)
    plan = planned(config, backbone.facts, tiles)
    labels = sorted({each.label for item in tiles for each in item.annotations})
    options = config.model_dump(mode="json")
    model = make_model(algorithm, ModelRequest(backbone, len(labels), plan, options))
    recipe = recipe_for(backbone.facts, config)
    folder = tmp_path / "run"
    folder.mkdir()
    task = FitTask(
        model=model,
        training=Scenes(tiles * SHOWN_AN_EPOCH, labels, recipe),
        validation=Scenes(tiles, labels, recipe),
        config=config,
        folder=folder,
        identity="by-heart",
    )
    fitted = fit(task, create_fabric(config))
    assert fitted.best_metric is not None
    assert fitted.best_metric >= 0.9

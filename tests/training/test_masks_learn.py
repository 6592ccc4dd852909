"""A detector that draws masks learns what it is shown: eight real tiles by heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from real_annotations import nuclei

from midrib.backbones import create_backbone
from midrib.datasets import Dataset, read_dataset
from midrib.tasks import ModelRequest, make_model
from midrib.training import (
    DrawnScenes,
    FitTask,
    TrainConfig,
    create_fabric,
    fit,
    planned,
    recipe_for,
)

TILES = 8
SIDE = 128
SHOWN_AN_EPOCH = 10


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Tiles of one picture, those with the most nuclei, each nucleus with its number."""
    root = tmp_path_factory.mktemp("nuclei")
    found = nuclei(root / "whole")
    name = next(each for each in found.numbers if not each.startswith("Fluo"))
    numbers, pixels = found.numbers[name], np.asarray(Image.open(found.folder / "images" / name))
    corners = [(top, left) for top in range(0, 512, SIDE) for left in range(0, 512, SIDE)]
    places = [(slice(top, top + SIDE), slice(left, left + SIDE)) for top, left in corners]
    places.sort(key=lambda place: -len(np.unique(numbers[place])))
    for folder, whole in (("images", pixels), ("instances", numbers)):
        (root / "tiles" / folder).mkdir(parents=True)
        for index, place in enumerate(places[:TILES]):
            Image.fromarray(whole[place]).save(root / "tiles" / folder / f"{index}.png")
    rows = [
        f"instances/{index}.png,{number},nucleus"
        for index, place in enumerate(places[:TILES])
        for number in np.unique(numbers[place])
        if number
    ]
    (root / "tiles" / "instances.csv").write_text("\n".join(["path,number,label", *rows, ""]))
    return read_dataset(root / "tiles")


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_eight_tiles_are_drawn_by_heart(tiles: Dataset, tmp_path: Path) -> None:
    """Masks reach an AP50 of 0.9 on eight tiles of nuclei that are shown again and again."""
    config = TrainConfig(
        algorithm="mask-rcnn",
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
    items = list(tiles.items)
    assert sum(len(item.annotations) for item in items) > 40
    torch.manual_seed(config.seed)
    backbone = create_backbone(config.backbone, weights="packaged", size=config.size)
    plan = planned(config, backbone.facts, items)
    options = config.model_dump(mode="json")
    model = make_model(config.algorithm, ModelRequest(backbone, 1, plan, options))
    recipe = recipe_for(backbone.facts, config)
    (tmp_path / "run").mkdir()
    task = FitTask(
        model=model,
        training=DrawnScenes(items * SHOWN_AN_EPOCH, tiles.labels, recipe),
        validation=DrawnScenes(items, tiles.labels, recipe),
        config=config,
        folder=tmp_path / "run",
        identity="by-heart",
    )
    fitted = fit(task, create_fabric(config))
    assert fitted.best_metric is not None
    assert fitted.best_metric >= 0.9

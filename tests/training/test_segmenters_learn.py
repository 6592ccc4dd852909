"""Segmenters learn what they are shown: eight real tiles by heart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from real_annotations import nuclei

from midrib.backbones import create_backbone
from midrib.datasets import Dataset, read_dataset
from midrib.datasets.class_maps import with_background
from midrib.preprocessing import Recipe
from midrib.tasks.segmentation import DECODERS, Segmenter
from midrib.training import ClassMaps, FitTask, TrainConfig, create_fabric, fit

TILES = 8
SIDE = 64
SHOWN_AN_EPOCH = 20


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Tiles of one frame of a time-lapse, those with the most nuclei."""
    root = tmp_path_factory.mktemp("nuclei")
    found = nuclei(root / "whole")
    name = min(each for each in found.numbers if each.startswith("Fluo"))
    numbers = found.numbers[name]
    pixels = np.asarray(Image.open(found.folder / "images" / name))
    corners = [
        (top, left)
        for top in range(0, numbers.shape[0] - SIDE + 1, SIDE)
        for left in range(0, numbers.shape[1] - SIDE + 1, SIDE)
    ]
    places = [(slice(top, top + SIDE), slice(left, left + SIDE)) for top, left in corners]
    places.sort(key=lambda place: -np.count_nonzero(numbers[place]))
    for folder, whole in (("images", pixels), ("masks", numbers)):
        (root / "tiles" / folder).mkdir(parents=True)
        for index, place in enumerate(places[:TILES]):
            Image.fromarray(whole[place]).save(root / "tiles" / folder / f"{index}.png")
    return read_dataset(root / "tiles")


@pytest.mark.soak
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("decoder", list(DECODERS))
def test_eight_tiles_are_learnt_by_heart(decoder: str, tiles: Dataset, tmp_path: Path) -> None:
    """A decoder reaches a mean overlap of 0.95 on eight tiles of nuclei that it is shown again."""
    labels = with_background(tiles.labels)
    items, recipe = list(tiles.items), Recipe(height=SIDE, width=SIDE, fit="letterbox")
    shown, held = (
        ClassMaps(items * SHOWN_AN_EPOCH, labels, recipe),
        ClassMaps(items, labels, recipe),
    )
    config = TrainConfig(
        backbone="timm:test_resnet",
        algorithm=decoder,
        weights="none",
        augmentation="none",
        batch_size=TILES,
        epochs=10,
        patience=10,
        warmup=0.05,
        learning_rate=5e-3,
        ema_decay=0.9,
        device="cpu",
    )
    torch.manual_seed(0)
    model = Segmenter(create_backbone(config.backbone, weights="none"), len(labels), decoder)
    folder = tmp_path / "run"
    folder.mkdir()
    fitted = fit(FitTask(model, shown, held, config, folder, "by-heart"), create_fabric(config))
    assert fitted.best_metric is not None
    assert fitted.best_metric >= 0.95

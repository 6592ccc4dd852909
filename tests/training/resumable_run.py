"""Train on digits in a process of its own: python resumable_run.py PICTURES RUN WORKERS."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from midrib.backbones import create_backbone
from midrib.datasets import Item
from midrib.preprocessing import Recipe
from midrib.preprocessing.picture_cache import PictureCache
from midrib.storage import file_sha256
from midrib.tasks import Classifier
from midrib.training import FitTask, Pictures, TrainConfig, create_fabric, fit

RECIPE = Recipe(height=32, width=32, crop_ratio=0.9)
LABELS = [str(digit) for digit in range(10)]


def digit_items(folder: Path) -> list[Item]:
    """Pictures named <number>-<label>.png."""
    files = sorted(folder.glob("*.png"))
    return [Item(file, (file.stem.partition("-")[2],)) for file in files]


def config(workers: int) -> TrainConfig:
    return TrainConfig(
        size=32,
        epochs=3,
        batch_size=16,
        checkpoint_steps=3,
        frozen_stages=1,
        augmentation="flip",
        metric="accuracy",
        device="cpu",
        workers=workers,
    )


def main(pictures: Path, run: Path, workers: int) -> None:
    options = config(workers)
    fabric = create_fabric(options)
    fabric.seed_everything(options.seed, verbose=False)
    classifier = Classifier(create_backbone(options.backbone, weights="none"), 10, dropout=0.2)
    classifier.freeze_stages(options.frozen_stages)
    items = [replace(item, sha256=file_sha256(item.path)) for item in digit_items(pictures)]
    cache = PictureCache(run / "cache", 1 << 30)
    task = FitTask(
        model=classifier,
        training=Pictures(
            items[:96], LABELS, RECIPE, augmentation=options.augmentation, cache=cache
        ),
        validation=Pictures(items[96:], LABELS, RECIPE, cache=cache),
        config=options,
        folder=run,
        identity="digits",
    )
    fit(task, fabric)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

"""Pixels of which nothing is known: drawn in masks as 255, or called void."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from midrib.backbones import create_backbone
from midrib.datasets import Dataset, read_dataset
from midrib.datasets.class_maps import with_background
from midrib.preprocessing import Recipe
from midrib.records import IGNORED
from midrib.tasks.segmentation import Segmenter
from midrib.training import ClassMaps, Scenes, TrainConfig
from midrib.training.segmentation import SegmentationObjective

SIDE = 64


class Told(torch.nn.Module):
    """Answers the same to all pictures."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.logits, None


@pytest.fixture
def half_known(tmp_path: Path) -> Dataset:
    """Two pictures with a square each, whose right halves are void."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    drawn[8:24, 8:24], drawn[:, SIDE // 2 :] = 1, 255
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(drawn).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "classes.csv").write_text("value,label\n1,square\n")
    return read_dataset(tmp_path, strict=True)


def test_segmenters_do_not_learn_from_void_pixels(half_known: Dataset) -> None:
    """No answer that is given for them gets a gradient, and every other one does."""
    labels = with_background(half_known.labels)
    assert labels == ("background", "square")
    recipe = Recipe(height=SIDE, width=SIDE, fit="letterbox")
    examples = ClassMaps(list(half_known.items), labels, recipe)
    batch = examples.collate([examples[0, 0], examples[0, 1]])
    assert bool((batch[1][:, :, SIDE // 2 :] == IGNORED).all())
    assert not bool((batch[1][:, :, : SIDE // 2] == IGNORED).any())
    model = Segmenter(create_backbone("timm:test_resnet", weights="none"), len(labels), "fpn")
    objective = SegmentationObjective(
        model, examples, TrainConfig(algorithm="fpn"), torch.device("cpu")
    )
    told = Told(torch.randn(2, 2, SIDE, SIDE, requires_grad=True))
    objective.loss(told, batch, epoch=0, index=0).backward()
    assert told.logits.grad is not None
    assert not told.logits.grad[..., SIDE // 2 :].any()
    assert bool(told.logits.grad[..., : SIDE // 2].all())


def test_detectors_leave_void_pixels_out(half_known: Dataset) -> None:
    """The box that void pixels span says nothing of what lies in it: it is not even ignored."""
    recipe = Recipe(height=SIDE, width=SIDE, fit="letterbox")
    _, target = Scenes(list(half_known.items), half_known.labels, recipe)[0, 0]
    assert target.boxes.tolist() == [[8, 8, 24, 24]]
    assert not len(target.ignored)

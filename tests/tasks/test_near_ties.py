"""The proof of a detector whose candidates are nearly alike, as they are after one epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from midrib.backbones import create_backbone
from midrib.datasets import Item
from midrib.engines import Engine
from midrib.engines.interface import Precision
from midrib.errors import ParityError
from midrib.exporting import certify
from midrib.preprocessing import Recipe
from midrib.records import Outputs, PixelBatch
from midrib.tasks import ModelRequest, TaskModel, derive_plan, make_model

SIDE = 64


class Rounding(Engine):
    """Answers like a model, but for a little in scores and boxes."""

    name = "rounding"

    def __init__(self, model: TaskModel, *, scores: float = 0.0, pixels: float = 0.0) -> None:
        self._served, self._scores, self._pixels = model.served().eval(), scores, pixels

    def run(self, pictures: PixelBatch) -> Outputs:
        with torch.inference_mode():
            answer, embedding, boxes = (
                each.numpy() for each in self._served(torch.from_numpy(pictures))
            )
        random = np.random.default_rng(0)
        moved = answer + random.uniform(-self._scores, self._scores, answer.shape)
        beside = boxes + random.uniform(-self._pixels, self._pixels, boxes.shape)
        return Outputs(moved.astype(np.float32), embedding, beside.astype(np.float32))

    @classmethod
    def version(cls) -> str:
        return "1"

    @classmethod
    def devices(cls) -> list[str]:
        return ["cpu"]

    @classmethod
    def precisions(cls, device: str) -> list[Precision]:  # noqa: ARG003 - the promise of every engine
        return ["fp32"]


def test_the_last_bit_of_a_score_loses_no_object(tmp_path: Path) -> None:
    """Which of two equal candidates covers the other is not for a rounding to say; boxes are."""
    torch.manual_seed(0)
    backbone = create_backbone("timm:test_resnet", weights="none", size=SIDE)
    levels = [(level.stride, level.channels) for level in backbone.facts.levels]
    plan = derive_plan(np.zeros((0, 2), np.float32), (SIDE, SIDE), levels, name="test")
    model = make_model("ssd", ModelRequest(backbone, 2, plan, {"box_loss": "smooth-l1"})).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    items, recipe = [Item(tmp_path / "a.png", ())], Recipe(height=SIDE, width=SIDE, fit="letterbox")
    proof = certify(model, Rounding(model, scores=1e-4), recipe, items)
    assert proof.objects > 50
    assert proof.matched_objects == proof.objects
    with pytest.raises(ParityError, match="objects were lost"):
        certify(model, Rounding(model, pixels=20.0), recipe, items)

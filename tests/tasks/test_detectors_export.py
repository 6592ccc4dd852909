from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from midrib.backbones import create_backbone
from midrib.engines import ENGINES, EngineOptions
from midrib.exporting import export_onnx
from midrib.postprocessing import Suppression, matched, suppress
from midrib.preprocessing import Recipe
from midrib.records import Outputs
from midrib.tasks import ALGORITHMS, ModelRequest, derive_plan, make_model

DETECTORS = [name for name in ALGORITHMS if ALGORITHMS.get(name).task == "detection"]
SIZE = (64, 96)


SLOWLY = [pytest.param(name, marks=pytest.mark.soak) for name in ("mask-rcnn",)]


@pytest.mark.parametrize("name", [*sorted(set(DETECTORS) - {"mask-rcnn"}), *SLOWLY])
def test_files_answer_like_the_model(name: str, tmp_path: Path) -> None:
    """Boxes, scores and embedding of the file are the model's, in both engines, at any batch.

    Where candidates stand in the order of their scores their objects are compared, and where the
    graph takes one picture at a time it is asked for one.
    """
    torch.manual_seed(0)
    backbone = create_backbone("timm:test_resnet", weights="none", size=64)
    levels = [(level.stride, level.channels) for level in backbone.facts.levels]
    plan = derive_plan(np.zeros((0, 2), np.float32), SIZE, levels, name="test", strides=(8, 16))
    options = {"loss": "focal", "box_loss": "giou"}
    model = make_model(name, ModelRequest(backbone, 2, plan, options)).eval()
    recipe = Recipe(height=SIZE[0], width=SIZE[1], fit="letterbox")
    file = export_onnx(model, recipe, tmp_path / "fp32.onnx")
    pictures = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    with torch.inference_mode():
        scores, embedding, boxes = model.served()(torch.from_numpy(pictures))[:3]
    for engine in ("onnxruntime", "openvino"):
        loaded = ENGINES.get(engine)(file, EngineOptions(threads=1))
        for chosen in (slice(0, 1), slice(0, 3) if model.dynamic_batch else slice(2, 3)):
            outputs = loaded.run(pictures[chosen])
            assert outputs.boxes is not None
            np.testing.assert_allclose(outputs.embedding, embedding[chosen], atol=1e-3)
            if model.ranked:
                require_same_objects(outputs, Outputs(scores[chosen], embedding, boxes[chosen]))
                continue
            np.testing.assert_allclose(outputs.answer, scores[chosen], atol=1e-4)
            np.testing.assert_allclose(outputs.boxes, boxes[chosen], atol=2e-2, rtol=1e-3)


def require_same_objects(answered: Outputs, expected: Outputs) -> None:
    """Every object is found again, of its class, in its place and with its score."""
    assert answered.answer.shape == expected.answer.shape
    [found], [promised] = (
        [
            suppress(np.asarray(boxes), np.asarray(scores), Suppression(least_score=0.1))
            for boxes, scores in zip(each.boxes, each.answer, strict=True)
        ]
        for each in (answered, expected)
    )
    places = matched(promised, found)
    assert len(places) > 5
    assert (places >= 0).mean() >= 0.995
    kept = places >= 0
    np.testing.assert_allclose(promised.scores[kept], found.scores[places[kept]], atol=1e-3)

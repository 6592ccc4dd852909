from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from midrib.backbones import create_backbone
from midrib.engines import ENGINES, EngineOptions
from midrib.exporting import export_onnx
from midrib.preprocessing import Recipe
from midrib.tasks import ALGORITHMS, ModelRequest, derive_plan, make_model

DETECTORS = [name for name in ALGORITHMS if ALGORITHMS.get(name).task == "detection"]
SIZE = (64, 96)


@pytest.mark.parametrize("name", DETECTORS)
def test_files_answer_like_the_model(name: str, tmp_path: Path) -> None:
    """Boxes, scores and embedding of the file are the model's, in both engines, at any batch."""
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
        scores, embedding, boxes = model.served()(torch.from_numpy(pictures))
    for engine in ("onnxruntime", "openvino"):
        loaded = ENGINES.get(engine)(file, EngineOptions(threads=1))
        for count in (1, 3):
            outputs = loaded.run(pictures[:count])
            assert outputs.boxes is not None
            np.testing.assert_allclose(outputs.answer, scores[:count], atol=1e-4)
            np.testing.assert_allclose(outputs.embedding, embedding[:count], atol=1e-3)
            np.testing.assert_allclose(outputs.boxes, boxes[:count], atol=2e-2, rtol=1e-3)

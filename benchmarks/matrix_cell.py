"""One backbone under one task: built, one step trained, exported, asked in each engine.

python -m benchmarks.matrix_cell REQUEST ANSWER
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.pictures import Size, photographs
from midrib.backbones.registry import create_backbone
from midrib.backbones.start import RANDOM
from midrib.config import Config
from midrib.engines import ENGINES, EngineOptions
from midrib.exporting import export_onnx
from midrib.preprocessing import Recipe
from midrib.selection.apart import answer
from midrib.tasks import Classifier, ServedClassifier, create_loss

_PICTURES = 4
_CLASSES = 3
_RATE = 0.01
_LARGEST_ERROR = 1e-3
"""Of an embedding, relative to its largest value: what `midrib export` allows a probability."""


class CellRequest(Config):
    """``size`` is the least that is tried; a backbone that needs more, or one size, takes that."""

    backbone: str
    size: int


def try_cell(request: dict[str, Any]) -> dict[str, Any]:
    """Largest error by engine, and whatever else is told of the cell. Raises what fails."""
    wanted = CellRequest(**request)
    torch.manual_seed(0)
    classifier, side = _built(wanted)
    pictures = _pictures(side)
    loss = _train_one_step(classifier, pictures)
    with tempfile.TemporaryDirectory() as folder:
        file = export_onnx(classifier, Recipe(height=side, width=side), Path(folder) / "fp32.onnx")
        return {
            "size": side,
            "loss": loss,
            "megabytes": file.stat().st_size / 1e6,
            "errors": {engine: _error(engine, file, classifier, pictures) for engine in ENGINES},
        }


def _built(wanted: CellRequest) -> tuple[Classifier, int]:
    facts = create_backbone(wanted.backbone, weights=RANDOM).facts
    side = max(wanted.size, facts.smallest_size) if facts.resizable else facts.native_size[0]
    backbone = create_backbone(wanted.backbone, weights=RANDOM, size=side)
    return Classifier(backbone, _CLASSES, dropout=0.2), side


def _pictures(side: int) -> Tensor:
    """Uint8, count × height × width × 3: two photographs and their mirror images."""
    found, _ = photographs(None, Size(side, side), 2)
    pictures = np.stack([np.asarray(picture) for picture in found])
    return torch.from_numpy(np.concatenate([pictures, pictures[:, :, ::-1]])[:_PICTURES])


def _train_one_step(classifier: Classifier, pictures: Tensor) -> float:
    """Raises ``AssertionError`` when the loss is no number or no gradient reaches the stem."""
    classifier.train()
    for module in classifier.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - there is no other name for all of them
            # The statistics of this one batch: else a random network's values grow beyond all.
            module.momentum = None
    optimizer = torch.optim.SGD(classifier.parameters(), lr=_RATE)
    truth = torch.arange(len(pictures)) % _CLASSES
    loss = create_loss("cross-entropy")(classifier(pictures)[0], truth)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own carries no types
    stem = next(classifier.backbone.parameters()).grad
    if not loss.isfinite() or stem is None or not stem.isfinite().all() or not stem.any():
        raise AssertionError(f"one step of training: loss {loss:.3g}, no gradient at the stem")
    optimizer.step()
    return float(loss)


def _error(engine: str, file: Path, classifier: Classifier, pictures: Tensor) -> float:
    """Largest difference of the embeddings of file and model, relative to their largest value."""
    served = ServedClassifier(classifier).eval()
    with torch.inference_mode():
        answers, embeddings = (each.numpy() for each in served(pictures))
    found = ENGINES.get(engine)(file, EngineOptions(threads=1)).run(pictures.numpy())
    error = float(np.abs(found.embedding - embeddings).max() / np.abs(embeddings).max())
    if not error <= _LARGEST_ERROR or not np.allclose(found.answer, answers, atol=_LARGEST_ERROR):
        raise AssertionError(f"{engine} answers unlike the model: error {error:.2g}")
    return error


if __name__ == "__main__":
    sys.exit(answer(try_cell, sys.argv[1:]))

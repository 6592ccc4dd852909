"""One backbone under one task: built, one step trained, exported, asked in each engine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.pictures import Size, photographs
from midrib.backbones.registry import create_backbone
from midrib.backbones.weights.start import RANDOM
from midrib.config import Config
from midrib.engines import ENGINES, EngineOptions
from midrib.exporting import export_onnx
from midrib.preprocessing import Recipe
from midrib.tasks import Classifier, create_loss

_CLASSES = 3
_RATE = 0.01
_LARGEST_ERROR = 1e-3
"""Of an embedding, relative to its largest value: what `midrib export` allows a probability."""

_MEAN_SHARE = 0.1
"""Of a channel's mean, what its normalisation takes away. Taking all of it lets a deep network
with random weights multiply every rounding, layer by layer, until nothing can be compared."""


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
    _settle(classifier, pictures)
    with tempfile.TemporaryDirectory() as folder:
        file = export_onnx(classifier, Recipe(height=side, width=side), Path(folder) / "fp32.onnx")
        return {
            "size": side,
            "loss": loss,
            "megabytes": file.stat().st_size / 1e6,
            "errors": _errors(file, classifier, pictures),
        }


def _built(wanted: CellRequest) -> tuple[Classifier, int]:
    facts = create_backbone(wanted.backbone, weights=RANDOM).facts
    side = max(wanted.size, facts.smallest_size) if facts.resizable else facts.native_size[0]
    backbone = create_backbone(wanted.backbone, weights=RANDOM, size=side)
    return Classifier(backbone, _CLASSES, dropout=0.2), side


def _pictures(side: int) -> Tensor:
    """Uint8, count × height × width × 3: the quarters of two photographs."""
    found, _ = photographs(None, Size(2 * side, 2 * side), 2)
    photos = np.stack([np.asarray(picture) for picture in found])
    tiles = photos.reshape(2, 2, side, 2, side, 3).swapaxes(2, 3)
    return torch.from_numpy(tiles.reshape(-1, side, side, 3))


def _train_one_step(classifier: Classifier, pictures: Tensor) -> float:
    """Raises ``AssertionError`` when the loss is no number or no gradient reaches the stem."""
    classifier.train()
    optimizer = torch.optim.SGD(classifier.parameters(), lr=_RATE)
    truth = torch.arange(len(pictures)) % _CLASSES
    loss = create_loss("cross-entropy")(classifier(pictures)[0], truth)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own carries no types
    stem = next(classifier.backbone.parameters()).grad
    if not loss.isfinite() or stem is None or not stem.isfinite().all() or not stem.any():
        raise AssertionError(f"one step of training: loss {loss:.3g}, no gradient at the stem")
    optimizer.step()
    return float(loss.detach())


@torch.inference_mode()
def _settle(classifier: Classifier, pictures: Tensor) -> None:
    """Give every batch normalisation, first to last, statistics of these pictures.

    Those of one step of training leave a random network's values growing beyond all.
    """

    def settle(norm: nn.modules.batchnorm._BatchNorm, given: tuple[Tensor]) -> None:
        if norm.running_mean is None or norm.running_var is None:
            return  # it keeps none
        axes = [axis for axis in range(given[0].ndim) if axis != 1]
        mean = _MEAN_SHARE * given[0].mean(axes)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_((given[0] - _as_channels(mean, given[0])).square().mean(axes))

    classifier.eval()
    norms = [
        module
        for module in classifier.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - there is no other name for all of them
    ]
    hooks = [norm.register_forward_pre_hook(settle) for norm in norms]
    classifier(pictures)
    for hook in hooks:
        hook.remove()


def _as_channels(values: Tensor, like: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (like.ndim - 2))


def _errors(file: Path, classifier: Classifier, pictures: Tensor) -> dict[str, float]:
    """By engine, how far the file's embeddings are from the exact ones.

    Exact is the model in 64 bit; told is the largest difference, relative to the largest value.
    Raises ``AssertionError`` for an engine that answers unlike the model.
    """
    classifier.eval()
    with torch.inference_mode():
        scaled = pictures.permute(0, 3, 1, 2).double() / 255
        normalised = (scaled - classifier.mean) / classifier.std
        exact = classifier.backbone.double()(normalised).numpy()
    errors = {}
    for engine in ENGINES:
        found = ENGINES.get(engine)(file, EngineOptions(threads=1)).run(pictures.numpy())
        errors[engine] = _distance(found.embedding, exact)
        if not errors[engine] <= _LARGEST_ERROR:
            raise AssertionError(
                f"{engine} answers unlike the model: error {errors[engine]:.2g}, "
                f"at most {_LARGEST_ERROR:.2g} is allowed"
            )
    return errors


def _distance(found: NDArray[Any], exact: NDArray[Any]) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())

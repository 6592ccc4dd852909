"""One backbone under one algorithm: built, one step trained, exported, asked in each engine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from benchmarks.matrix_answers import answered_alike, settle
from benchmarks.pictures import Size, photographs
from midrib.backbones.listing.counting import facts_without_weights
from midrib.backbones.weights.start import RANDOM, start_from
from midrib.config import Config
from midrib.datasets import Item
from midrib.datasets.annotations import XYXY, Annotation
from midrib.exporting import export_onnx
from midrib.pipeline.run_stages import examples_of
from midrib.settings import Settings
from midrib.tasks import TaskModel
from midrib.training import Model, TrainConfig, learnt_labels, new_model, planned, recipe_for
from midrib.training.examples import Batch, Examples
from midrib.training.objectives import objective_of

_LABELS = ("one", "other")
"""No more: a model that has learnt nothing is still a little sure of each of three classes, one of
them being the background."""

_RATE = 0.01
_SHARES = ((0.1, 0.2, 0.9, 0.8), (0.3, 0.4, 0.5, 0.7))
"""Of a picture's sides: where its objects are, a large one and a small one in it."""


class CellRequest(Config):
    """``size`` is the least that is tried; a backbone that needs more, or one size, takes that."""

    backbone: str
    algorithm: str
    size: int


@dataclass(frozen=True)
class _Cell:
    """What a run would train: the model, the way in which it learns, and pictures to learn from."""

    model: TaskModel
    config: TrainConfig
    examples: Examples


def try_cell(request: dict[str, Any]) -> dict[str, Any]:
    """Largest error by engine, and whatever else is told of the cell. Raises what fails."""
    wanted = CellRequest(**request)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        cell = _made(wanted, Path(folder))
        batch = cell.examples.collate(
            [cell.examples[0, place] for place in range(len(cell.examples))]
        )
        loss = _train_one_step(cell, batch)
        settle(cell.model, batch[0])
        recipe = cell.examples.recipe
        file = export_onnx(cell.model, recipe, Path(folder) / "fp32.onnx")
        return {
            "size": recipe.height,
            "loss": loss,
            "megabytes": file.stat().st_size / 1e6,
            **answered_alike(cell.model, file, cell.examples, batch[0]),
        }


def _made(wanted: CellRequest, folder: Path) -> _Cell:
    """As a run is begun: from options and pictures by way of a plan."""
    facts = facts_without_weights(wanted.backbone)
    side = max(wanted.size, facts.smallest_size) if facts.resizable else facts.native_size[0]
    config = TrainConfig(
        algorithm=wanted.algorithm,
        backbone=wanted.backbone,
        weights=RANDOM,
        size=side,
        augmentation="none",
        device="cpu",
    )
    items = _items(side, folder)
    plan = planned(config, facts, items, _LABELS)
    labels = learnt_labels(plan, _LABELS)
    settings = Settings()
    start = start_from(wanted.backbone, RANDOM, settings)
    model, _ = new_model(Model(config, labels, plan), start, settings)
    examples = examples_of(wanted.algorithm)(items, labels, recipe_for(facts, config))
    return _Cell(model, config, examples)


def _items(side: int, folder: Path) -> list[Item]:
    """The quarters of two photographs, with a class and with outlined objects for each."""
    items = []
    for number, pixels in enumerate(_pictures(side)):
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        own, other = (_LABELS[(number + step) % len(_LABELS)] for step in range(2))
        objects = tuple(
            _object(label, tuple(share * side for share in shares))
            for label, shares in zip((own, other), _SHARES, strict=True)
        )
        items.append(Item(path, (own,), width=side, height=side, annotations=objects))
    return items


def _object(label: str, xyxy: Sequence[float]) -> Annotation:
    left, top, right, bottom = xyxy
    box: XYXY = (left, top, right, bottom)
    return Annotation(label, box, ((left, top, right, top, right, bottom, left, bottom),))


def _pictures(side: int) -> NDArray[np.uint8]:
    """Uint8, count × height × width × 3."""
    found, _ = photographs(None, Size(2 * side, 2 * side), 2)
    photos = np.stack([np.asarray(picture) for picture in found])
    return photos.reshape(2, 2, side, 2, side, 3).swapaxes(2, 3).reshape(-1, side, side, 3)


def _train_one_step(cell: _Cell, batch: Batch) -> float:
    """Raises ``AssertionError`` when something is no number or no gradient reaches the stem."""
    model, config = cell.model.train(), cell.config
    objective = objective_of(model, cell.examples, config, torch.device(config.device))
    optimizer = torch.optim.SGD(model.parameters(), lr=_RATE)
    loss: Tensor = objective.loss(model, batch, epoch=0, index=0)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own carries no types
    stem = next(model.backbone.parameters()).grad
    if not loss.isfinite() or stem is None or not stem.isfinite().all() or not stem.any():
        raise AssertionError(f"one step of training: loss {loss:.3g}, no gradient at the stem")
    nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
    optimizer.step()
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise AssertionError(f"one step of training: loss {loss:.3g}, weights that are no numbers")
    return float(loss.detach())

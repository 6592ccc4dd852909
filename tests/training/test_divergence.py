"""What remains when a loss is no number: its batch, and checkpoints whose weights are numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from midrib.backbones import create_backbone
from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.errors import TrainingError
from midrib.pipeline.run_stages import examples_of
from midrib.tasks import ALGORITHMS, ModelRequest, TaskModel, make_model
from midrib.training import (
    FitTask,
    TrainConfig,
    create_fabric,
    fit,
    learnt_labels,
    planned,
    recipe_for,
)
from midrib.training.examples import Examples

SIDE = 64
LABELS = ("ball", "box")
SHOWN = {"linear-classifier", "faster-rcnn", "unet"}
"""The others go through the same lines."""

TRIED = [
    name if name in SHOWN else pytest.param(name, marks=pytest.mark.soak) for name in ALGORITHMS
]


def _items(folder: Path) -> list[Item]:
    random = np.random.default_rng(0)
    items = []
    for number in range(4):
        path = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
        label = LABELS[number % 2]
        outlined = Annotation(label, (8, 8, 40, 40), ((8, 8, 40, 8, 40, 40, 8, 40),))
        items.append(Item(path, (label,), width=SIDE, height=SIDE, annotations=(outlined,)))
    return items


def _task(algorithm: str, folder: Path, **options: object) -> FitTask:
    config = TrainConfig(
        algorithm=algorithm,
        backbone="timm:test_resnet",
        weights="none",
        size=SIDE,
        batch_size=2,
        checkpoint_steps=1,
        augmentation="none",
        device="cpu",
        **options,
    )
    backbone, items = create_backbone(config.backbone, weights="none", size=SIDE), _items(folder)
    plan = planned(config, backbone.facts, items, LABELS)
    labels = learnt_labels(plan, LABELS)
    request = ModelRequest(backbone, len(labels), plan, config.model_dump(mode="json"))
    model = make_model(algorithm, request)
    recipe = recipe_for(backbone.facts, config)
    examples: Examples = examples_of(algorithm)(items, labels, recipe)
    return FitTask(model, examples, examples, config, folder / "run", "by-test")


def _break_after(model: TaskModel, steps: int) -> None:
    """Let the backbone's last stage answer NaN once it has answered ``steps`` times."""
    answered = []

    def spoil(_: torch.nn.Module, __: object, found: torch.Tensor) -> torch.Tensor:
        answered.append(1)
        return found * float("nan") if len(answered) > steps else found

    model.backbone.stages()[-1][-1].register_forward_hook(spoil)


@pytest.mark.parametrize("algorithm", TRIED)
def test_a_loss_that_is_no_number_leaves_a_good_checkpoint(algorithm: str, tmp_path: Path) -> None:
    """Training stops in one line at the step that it names, and weights stay what they were."""
    task = _task(algorithm, tmp_path)
    task.folder.mkdir()
    _break_after(task.model, 1)
    with pytest.raises(TrainingError, match=r"the loss is nan at step 2; its batch is in"):
        fit(task, create_fabric(task.config))
    batch = load_file(task.folder / "diverged.safetensors")
    assert batch["pictures"].shape == (2, SIDE, SIDE, 3)
    assert any(name.startswith(("truth", "boxes-0")) for name in batch)
    [kept] = (task.folder / "checkpoints").iterdir()
    assert kept.name == "step-00000001"
    tensors = load_file(kept / "tensors.safetensors")
    assert all(value.isfinite().all() for value in tensors.values() if value.is_floating_point())
    assert all(parameter.isfinite().all() for parameter in task.model.parameters())


def test_a_gradient_that_is_no_number_is_not_learnt_from(tmp_path: Path) -> None:
    """A finite loss whose gradient overflows stops training too, with clipping or without."""
    for number, clip in enumerate((5.0, 0.0)):
        folder = tmp_path / str(number)
        (folder / "run").mkdir(parents=True)
        task = _task("linear-classifier", folder, gradient_clip=clip)
        head = next(task.model.backbone.parameters())
        head.register_hook(lambda gradient: gradient * float("inf"))
        with pytest.raises(TrainingError, match=r"the gradient is (nan|inf) at step 1"):
            fit(task, create_fabric(task.config))
        assert all(parameter.isfinite().all() for parameter in task.model.parameters())

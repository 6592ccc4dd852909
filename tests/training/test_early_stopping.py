"""When training ends, and which weights it keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training.resumable_run import LABELS, RECIPE, config, digit_items

from midrib.backbones import create_backbone
from midrib.errors import TrainingError
from midrib.tasks import Classifier
from midrib.training import FitTask, Pictures, TrainConfig, create_fabric, fit, read_rows


def task_in(folder: Path, pictures: Path, options: TrainConfig) -> FitTask:
    items = digit_items(pictures)
    return FitTask(
        model=Classifier(create_backbone(options.backbone, weights="none"), 10, dropout=0.0),
        training=Pictures(items[:32], LABELS, RECIPE),
        validation=Pictures(items[96:], LABELS, RECIPE),
        config=options,
        folder=folder,
        identity="digits",
    )


def test_patience_ends_a_run_that_gets_no_better(digit_pictures: Path, tmp_path: Path) -> None:
    """Without a better metric for ``patience`` epochs the run stops and keeps the best epoch."""
    options = config(0).model_copy(
        update={"epochs": 30, "patience": 2, "learning_rate": 1e-9, "head_rate_factor": 1.0}
    )
    fitted = fit(task_in(tmp_path, digit_pictures, options), create_fabric(options))
    assert fitted.epochs == fitted.best_epoch + 2 < 30
    reached = [
        row["validation/accuracy"] for row in read_rows(tmp_path) if "validation/loss" in row
    ]
    assert fitted.best_metric == max(reached)


def test_kept_weights_are_the_moving_average(digit_pictures: Path, tmp_path: Path) -> None:
    """With a decay the kept weights differ from the last ones; without it they are the last."""
    kept = {}
    for decay in (0.0, 0.9):
        options = config(0).model_copy(update={"epochs": 1, "ema_decay": decay})
        task = task_in(tmp_path / str(decay), digit_pictures, options)
        fit(task, create_fabric(options))
        best = load_file(task.folder / "best.safetensors")
        last = task.model.head.weight.detach()
        kept[decay] = torch.equal(best["head.weight"], last)
    assert kept == {0.0: True, 0.9: False}


def test_other_options_do_not_resume(digit_pictures: Path, tmp_path: Path) -> None:
    """A checkpoint of another identity is refused, not taken for this run's."""
    from dataclasses import replace

    options = config(0).model_copy(update={"epochs": 1})
    task = task_in(tmp_path, digit_pictures, options)
    fit(task, create_fabric(options))
    with pytest.raises(TrainingError, match="other options"):
        fit(replace(task, identity="other"), create_fabric(options))


def test_diverging_loss_is_told(digit_pictures: Path, tmp_path: Path) -> None:
    """A loss that is no number ends the run with what to change."""
    options = config(0).model_copy(
        update={"learning_rate": 1e30, "gradient_clip": 0.0, "warmup": 0.0, "optimizer": "sgd"}
    )
    with pytest.raises(TrainingError, match="--learning-rate"):
        fit(task_in(tmp_path, digit_pictures, options), create_fabric(options))

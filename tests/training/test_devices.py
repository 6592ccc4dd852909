"""Several devices train one model: here two processes on the CPU."""

from __future__ import annotations

from pathlib import Path

from training.resumable_run import LABELS, RECIPE, config, digit_items

from midrib.backbones import create_backbone
from midrib.tasks import Classifier
from midrib.training import FitTask, Pictures, fit_on_devices, read_rows


def test_two_processes_train_one_model(digit_pictures: Path, tmp_path: Path) -> None:
    """Data-parallel training takes the same steps and leaves one whole run."""
    options = config(workers=0).model_copy(update={"devices": 2, "epochs": 1})
    items = digit_items(digit_pictures)
    task = FitTask(
        model=Classifier(create_backbone(options.backbone, weights="none"), 10, dropout=0.2),
        training=Pictures(items[:64], LABELS, RECIPE),
        validation=Pictures(items[96:], LABELS, RECIPE),
        config=options,
        folder=tmp_path,
        identity="two",
    )
    rows: list[dict[str, float]] = []
    fitted = fit_on_devices(task, mirror=rows.append)
    assert fitted.steps == 4
    assert rows == read_rows(tmp_path)
    assert [row["step"] for row in rows if "train/loss" in row] == [1, 2, 3, 4]
    assert (tmp_path / "best.safetensors").is_file()

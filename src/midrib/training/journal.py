"""What a run writes down while it learns: metrics by step, for people, TensorBoard and MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Self

from lightning_fabric import Fabric
from torch.utils.tensorboard import SummaryWriter

from midrib.storage import storage_errors, write_text
from midrib.training.checkpoints import Progress

Row = dict[str, float]
"""Metrics of one moment, with ``step`` and ``epoch``."""

METRICS_FILE = "metrics.jsonl"
EVENTS_FOLDER = "events"


class Journal:
    """Rows of metrics. Rows of steps that a resumed run will do again are dropped first.

    Args:
        folder: the run's folder.
        resumed_step: steps that are done.
        fabric: only the first process writes.
        mirror: is handed each row too (MLflow).
    """

    def __init__(
        self,
        folder: Path,
        *,
        resumed_step: int,
        fabric: Fabric,
        mirror: Callable[[Row], None] | None = None,
    ) -> None:
        self._file = folder / METRICS_FILE
        self._mirror = mirror
        self._writes = fabric.is_global_zero
        if not self._writes:
            return
        kept = [row for row in read_rows(folder) if row["step"] <= resumed_step]
        write_text(self._file, "".join(json.dumps(row) + "\n" for row in kept))
        self._events = SummaryWriter(str(folder / EVENTS_FOLDER), purge_step=resumed_step + 1)

    def step(self, progress: Progress, loss: float) -> None:
        """Write down one step. Raises ``StorageError``."""
        self._write({"step": progress.step, "epoch": progress.epoch + 1, "train/loss": loss})

    def epoch(self, progress: Progress, metric: float, loss: float, name: str) -> None:
        """Write down one validation. Raises ``StorageError``."""
        row = {"step": progress.step, "epoch": progress.epoch}
        self._write({**row, f"validation/{name}": metric, "validation/loss": loss})

    def _write(self, row: Row) -> None:
        if not self._writes:
            return
        with storage_errors(self._file), self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        for name, value in row.items():
            if name != "step":
                self._events.add_scalar(name, value, int(row["step"]))
        if self._mirror is not None:
            self._mirror(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writes:
            self._events.close()


def read_rows(folder: Path) -> list[Row]:
    """The rows of a run, oldest first. A last line cut off by a kill is left out."""
    file = folder / METRICS_FILE
    if not file.is_file():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows

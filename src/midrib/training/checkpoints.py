"""Checkpoints: all that a run needs to go on as if it had never stopped."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from midrib.backbones.weights.tensors import each_its_own
from midrib.errors import TrainingError
from midrib.storage import folder_written_aside, read_json, write_json
from midrib.training.snapshot import in_layout_of, pack, unpack

KEPT_CHECKPOINTS = 2
_FORMAT = 1
_PREFIX = "step-"
_REFUSED = re.compile(r"os error (\d+)")


@dataclass
class Progress:
    """Where a run stands. ``batch`` is the next one of ``epoch``; ``step`` counts all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_metric: float | None = None
    best_epoch: int = 0
    epochs_without_better: int = 0
    seconds: float = 0.0

    def finish_step(self) -> None:
        self.step += 1
        self.batch += 1

    def finish_epoch(self, metric: float, *, is_better: bool) -> bool:
        """Count the epoch; returns whether it is the best so far."""
        self.epoch += 1
        self.batch = 0
        if is_better:
            self.best_metric, self.best_epoch = metric, self.epoch
            self.epochs_without_better = 0
            return True
        self.epochs_without_better += 1
        return False


class CheckpointFolder:
    """The checkpoints of one run, newest last.

    Args:
        folder: where they lie.
        identity: fingerprint of options and data; a checkpoint of another one is refused.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._identity = identity

    def save(self, progress: Progress, state: dict[str, Any]) -> Path:
        """Write a checkpoint whole, then drop the oldest. Raises ``StorageError``."""
        target = self._folder / f"{_PREFIX}{progress.step:08d}"
        structure, tensors = pack({**state, "random": _random_state()})
        with folder_written_aside(target) as aside:
            save_tensors(tensors, aside / "tensors.safetensors")
            document = {"format": _FORMAT, "identity": self._identity}
            document |= {"progress": asdict(progress), "structure": structure}
            write_json(aside / "state.json", document)
        for old in self._all()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old)
        return target

    def load_newest(self) -> tuple[Progress, dict[str, Any]] | None:
        """The newest checkpoint, or None. Restores randomness. Raises ``TrainingError``."""
        known = self._all()
        if not known:
            return None
        document = read_json(known[-1] / "state.json")
        if document["format"] != _FORMAT or document["identity"] != self._identity:
            raise TrainingError(
                f"{known[-1]} belongs to other options, other data or another midrib",
                expected="a checkpoint of this run",
                todo="remove the folder to start anew",
            )
        try:
            tensors = load_file(known[-1] / "tensors.safetensors")
        except (SafetensorError, OSError) as problem:
            raise TrainingError(
                f"{known[-1]} is damaged: {problem}",
                expected="a whole checkpoint",
                todo="remove this folder: the run then goes on from the one before",
            ) from problem
        state = unpack(document["structure"], tensors)
        _restore_random_state(state.pop("random"))
        return Progress(**document["progress"]), state

    def _all(self) -> list[Path]:
        return sorted(self._folder.glob(f"{_PREFIX}*")) if self._folder.is_dir() else []


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write safetensors. Raises ``OSError`` when the disk is full or refuses, as writers do."""
    try:
        save_file(each_its_own(tensors), path)
    except SafetensorError as problem:
        # It tells the system's refusals in words alone; `midrib.storage` knows them by number.
        refused = _REFUSED.search(str(problem))
        if refused is None:
            raise
        number = int(refused[1])
        raise OSError(number, os.strerror(number), str(path)) from problem


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load ``state`` into ``optimizer``, every tensor in the memory layout of its parameter."""
    optimizer.load_state_dict(state)
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.ndim > 0:
                kept[name] = in_layout_of(value, parameter)


def _random_state() -> dict[str, Any]:
    accelerators = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": accelerators}


def _restore_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])

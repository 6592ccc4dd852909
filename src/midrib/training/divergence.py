"""A loss or a gradient that is no number: stop, and keep what led to it for a look."""

from __future__ import annotations

import math
from pathlib import Path

from torch import Tensor

from midrib.errors import TrainingError
from midrib.storage import written_aside
from midrib.training.checkpoints import save_tensors
from midrib.training.examples import Batch
from midrib.training.learner import Learnt

DIVERGED_FILE = "diverged.safetensors"


def require_finite(learnt: Learnt, step: int, batch: Batch, folder: Path) -> None:
    """Raise ``TrainingError`` unless the loss and its gradient are finite numbers.

    The batch is then written to the run's folder: ``pictures`` and ``truth``, or for objects
    ``boxes-0``, ``classes-0`` and what else is known of each picture. Checkpoints stay as they
    were.
    """
    wrong = [name for name, value in learnt._asdict().items() if not math.isfinite(value)]
    if not wrong:
        return
    pictures, truth = batch
    tensors = {"pictures": pictures.contiguous()}
    if isinstance(truth, Tensor):
        tensors["truth"] = truth.contiguous()
    else:
        for place, target in enumerate(truth):
            named = [each for each in target._asdict().items() if each[1] is not None]
            tensors |= {f"{name}-{place}": part.contiguous() for name, part in named}
    file = folder / DIVERGED_FILE
    with written_aside(file) as aside:
        save_tensors(tensors, aside)
    raise TrainingError(
        f"the {wrong[0]} is {getattr(learnt, wrong[0])} at step {step}; its batch is in {file}",
        expected="a finite number",
        todo="lower --learning-rate or raise the warm-up, then run with --fresh",
    )

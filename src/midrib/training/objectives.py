"""What a run learns by, and what its epochs are judged by: one objective a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor, nn

from midrib.names import unknown_name
from midrib.tasks import TaskModel
from midrib.training.config import TrainConfig
from midrib.training.examples import Batch, Examples

_OBJECTIVES = {
    "classification": "midrib.training.classification:ClassificationObjective",
    "detection": "midrib.training.detection:DetectionObjective",
    "segmentation": "midrib.training.segmentation:SegmentationObjective",
}


class Objective(ABC):
    """The loss of a batch, and how good answers to held-out pictures are.

    Args:
        model: what learns.
        training: the pictures that it learns from.
        config: the options.
        device: where it learns.
    """

    @abstractmethod
    def __init__(
        self, model: TaskModel, training: Examples, config: TrainConfig, device: torch.device
    ) -> None: ...

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch, *, epoch: int, index: int) -> Tensor:
        """The loss, a scalar, of the batch at place ``index`` of ``epoch``, both from 0 on."""

    @abstractmethod
    def judge(self, model: nn.Module, batches: Iterable[Batch]) -> tuple[float, float]:
        """The metric of the options, and a loss, over held-out pictures."""

    @abstractmethod
    def improves(self, value: float, best: float | None) -> bool:
        """Whether a metric is better than the best so far; anything beats None, nan nothing."""


def objective_of(
    model: TaskModel, training: Examples, config: TrainConfig, device: torch.device
) -> Objective:
    """The objective of the model's task. Raises ``UnknownNameError``."""
    if model.task not in _OBJECTIVES:
        raise unknown_name("task", model.task, _OBJECTIVES)
    module, _, name = _OBJECTIVES[model.task].partition(":")
    kind: Any = getattr(import_module(module), name)
    return cast("Objective", kind(model, training, config, device))

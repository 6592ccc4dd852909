"""What every model of a task promises: uint8 pictures in, over any backbone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from midrib.backbones import Backbone, Normalisation
from midrib.errors import UsageError
from midrib.packages.card import ModelTask
from midrib.tasks.plan import DetectionPlan
from midrib.tasks.segmentation_plan import SegmentationPlan


class TaskModel(nn.Module):
    """A backbone with a head: what a run trains, exports and serves.

    Normalisation and layout are inside, so nobody else can err. All that is no part of
    ``backbone`` counts as head: it starts from nothing and learns faster.
    """

    task: ClassVar[ModelTask]

    outputs: ClassVar[tuple[str, ...]]
    """Names of what `served` gives, in its order."""

    dynamic_batch: ClassVar[bool] = True
    """Whether the exported graph takes several pictures at once; otherwise exactly one."""

    ranked: ClassVar[bool] = False
    """Whether candidates stand in an order that follows from their scores: the least difference
    between two files may then change what stands where."""

    backbone: Backbone
    classes: int

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor

    @property
    @abstractmethod
    def embedding_size(self) -> int:
        """Length of the pooled embedding."""

    @abstractmethod
    def served(self) -> nn.Module:
        """What is exported: uint8 pictures, count × height × width × channels, to ``outputs``."""

    def normalise_by(self, normalisation: Normalisation) -> None:
        """Hold what `normalised` takes; the file of a run need not keep it."""
        self.register_buffer("mean", _per_channel(normalisation.mean), persistent=False)
        self.register_buffer("std", _per_channel(normalisation.std), persistent=False)

    def normalised(self, pictures: Tensor) -> Tensor:
        """Uint8, count × height × width × channels, to float, count × channels × …, normalised."""
        # A permuted NHWC tensor is what torch calls channels_last: no copy is made.
        scaled = pictures.permute(0, 3, 1, 2).float() / 255
        return (scaled - self.mean) / self.std

    def freeze_stages(self, count: int) -> None:
        """Keep the first ``count`` stages of the backbone as they are: weights and statistics.

        Raises ``UsageError`` when it has not so many.
        """
        stages = self.backbone.stages()
        if count > len(stages):
            raise UsageError(
                f"{count} stages of {self.backbone.facts.name} to freeze",
                expected=f"at most the {len(stages)} that it has",
                todo="lower frozen_stages",
            )
        for stage in stages[:count]:
            for module in stage:
                module.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature
        """Switch to training; frozen stages stay in evaluation, else their statistics move."""
        super().train(mode)
        for stage in self.backbone.stages():
            for module in stage:
                if not any(parameter.requires_grad for parameter in module.parameters()):
                    module.eval()
        return self


@dataclass(frozen=True)
class ModelRequest:
    """What an algorithm makes a model from.

    ``classes`` are counted. ``plan`` is what was derived from backbone and data, None for tasks
    that need none. ``options`` are those of training, by their names.
    """

    backbone: Backbone
    classes: int
    plan: DetectionPlan | SegmentationPlan | None
    options: Mapping[str, Any]


def _per_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)

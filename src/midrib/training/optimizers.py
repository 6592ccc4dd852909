"""Optimizers and schedules by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from midrib.names import Registry
from midrib.tasks import TaskModel
from midrib.training.config import TrainConfig

OptimizerMaker = Callable[[list[dict[str, Any]], float], torch.optim.Optimizer]
"""Parameter groups and learning rate to an optimizer."""

OPTIMIZERS: Registry[OptimizerMaker] = Registry("optimizer")

Schedule = Callable[[float], float]
"""Share of the steps after warm-up that are done, 0 to 1, to a factor of the learning rate."""

SCHEDULES: Registry[Schedule] = Registry("schedule")


@OPTIMIZERS.register("adamw")
def adamw(groups: list[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
    """Loshchilov and Hutter, arXiv 1711.05101."""
    on_cpu = all(tensor.device.type == "cpu" for group in groups for tensor in group["params"])
    # One pass over each tensor instead of one per operation. On CUDA it would unscale fp16
    # gradients itself, and then they could not be clipped.
    return torch.optim.AdamW(groups, lr=rate, fused=on_cpu)


@OPTIMIZERS.register("sgd")
def sgd(groups: list[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
    """With Nesterov momentum 0.9."""
    return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)


@OPTIMIZERS.register("rmsprop")
def rmsprop(groups: list[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(groups, lr=rate, momentum=0.9)


@SCHEDULES.register("cosine")
def cosine(done: float) -> float:
    """Half a cosine from 1 to 0: Loshchilov and Hutter, arXiv 1608.03983, equation 5."""
    return 0.5 * (1 + math.cos(math.pi * done))


@SCHEDULES.register("linear")
def linear(done: float) -> float:
    return 1 - done


@SCHEDULES.register("constant")
def constant(done: float) -> float:  # noqa: ARG001 - the door is one for all
    return 1.0


def create_optimizer(model: TaskModel, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimizer called ``config.optimizer`` over all parameters that are not frozen.

    What is not the backbone's learns faster; biases and normalisation layers do not decay. Each
    group keeps its peak rate under ``peak``.
    """
    groups = []
    backbone = {id(parameter) for parameter in model.backbone.parameters()}
    for in_head in (False, True):
        for decays in (True, False):
            chosen = [
                parameter
                for parameter in model.parameters()
                if parameter.requires_grad
                and (id(parameter) not in backbone) == in_head
                and (parameter.ndim > 1) == decays
            ]
            peak = config.learning_rate * (config.head_rate_factor if in_head else 1)
            decay = config.weight_decay if decays else 0.0
            if chosen:
                groups.append({"params": chosen, "peak": peak, "weight_decay": decay})
    return OPTIMIZERS.get(config.optimizer)(groups, config.learning_rate)


def rate_factor(step: int, steps: int, config: TrainConfig) -> float:
    """What the peak rate is multiplied by at ``step`` (from 0) of ``steps``.

    A pure function, so that resuming needs no state of it.
    """
    warmup = round(steps * config.warmup)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return SCHEDULES.get(config.schedule)((step - warmup) / max(1, steps - warmup))


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the learning rate of each group to ``factor`` times its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor

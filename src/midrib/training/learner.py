"""What the loop moves: model, moving average, optimizer, and where they stand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from midrib.storage import written_aside
from midrib.tasks import TaskModel
from midrib.training.checkpoints import CheckpointFolder, Progress, load_optimizer, save_tensors
from midrib.training.config import TrainConfig
from midrib.training.examples import Batch, Examples
from midrib.training.loading import evaluation_batches
from midrib.training.objectives import objective_of
from midrib.training.optimizers import create_optimizer, rate_factor, set_rates

_EMA_WARMUP = 10


class Learnt(NamedTuple):
    """One step: the loss of its batch, and the norm of the gradient before it was clipped.

    Where either is no number nothing was learnt.
    """

    loss: float
    gradient: float


class Learner:
    """One step at a time, and all of it in a checkpoint.

    Args:
        model: with its stages frozen as wanted.
        training: the pictures that it learns from.
        config: the options.
        fabric: devices and precision.
    """

    def __init__(
        self, model: TaskModel, training: Examples, config: TrainConfig, fabric: Fabric
    ) -> None:
        self._config = config
        self._fabric = fabric
        # Channels last is the layout that CPU and tensor-core convolutions are fastest in.
        self._model = model.to(fabric.device).to(memory_format=torch.channels_last)
        self._averaged = AveragedModel(
            self._model, multi_avg_fn=_averaging(config.ema_decay), use_buffers=True
        )
        self._wrapped, self._optimizer = fabric.setup(model, create_optimizer(model, config))
        self._objective = objective_of(model, training, config, fabric.device)
        self.progress = Progress()
        self._clock = time.monotonic()

    def step(self, batch: Batch, steps: int) -> Learnt:
        """Learn from one batch, unless its loss or gradient is no number."""
        self._wrapped.train()
        set_rates(self._optimizer, rate_factor(self.progress.step, steps, self._config))
        loss = self._objective.loss(
            self._wrapped, batch, epoch=self.progress.epoch, index=self.progress.batch
        )
        self._fabric.backward(loss)
        learnt = Learnt(loss.item(), self._clip())
        if all(map(math.isfinite, learnt)):
            self._optimizer.step()
            self._averaged.update_parameters(self._model)
        self._optimizer.zero_grad()
        self.progress.finish_step()
        return learnt

    def _clip(self) -> float:
        """Bound the gradient's norm; returns what it was."""
        norm = self._fabric.clip_gradients(
            self._wrapped,
            self._optimizer,
            max_norm=self._config.gradient_clip or math.inf,
            error_if_nonfinite=False,
        )
        if norm is None:
            raise AssertionError("clipping by a norm tells it")
        # Losses scaled for 16 bit overflow at times: the scaler then skips the step itself.
        is_scaled = getattr(self._fabric.strategy.precision, "scaler", None) is not None
        return 0.0 if is_scaled and not norm.isfinite() else norm.item()

    @torch.inference_mode()
    def validate(self, validation: Examples) -> tuple[float, float]:
        """The metric and the loss of the averaged model, as its task has them."""
        self._averaged.eval()
        batches = evaluation_batches(validation, self._config.batch_size)
        reached = self._objective.judge(self._averaged, batches)
        # Running statistics differ between devices: the first one's word counts for all.
        metric, loss = self._fabric.broadcast(reached)
        return metric, loss

    def agree(self, stop: bool) -> bool:  # noqa: FBT001 - the one thing that is asked
        """Whether any device was told to stop: all must do so after the same step."""
        if self._fabric.world_size == 1:
            return stop
        votes = self._fabric.all_reduce(torch.tensor(float(stop)), reduce_op="sum")
        return bool(votes)

    def finish_epoch(self, metric: float) -> bool:
        """Count the epoch; returns whether it is the best so far."""
        is_better = self._objective.improves(metric, self.progress.best_metric)
        return self.progress.finish_epoch(metric, is_better=is_better)

    def save_best(self, file: Path) -> None:
        """Write the averaged weights. Raises ``StorageError``."""
        if self._fabric.is_global_zero:
            with written_aside(file) as aside:
                tensors = self._averaged.module.state_dict()
                save_tensors(tensors, aside)

    def save(self, checkpoints: CheckpointFolder) -> None:
        """Write a checkpoint of everything. Raises ``StorageError``."""
        self._tick()
        if self._fabric.is_global_zero:
            state = {
                "model": self._model.state_dict(),
                "averaged": self._averaged.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "precision": self._fabric.strategy.precision.state_dict(),
            }
            checkpoints.save(self.progress, state)
        self._fabric.barrier()

    def resume(self, checkpoints: CheckpointFolder) -> Progress:
        """Go on from the newest checkpoint, if there is one. Raises ``TrainingError``."""
        torch.manual_seed(self._config.seed + self._fabric.global_rank)
        found = checkpoints.load_newest()
        if found is not None:
            self.progress, state = found
            self._model.load_state_dict(state["model"])
            self._averaged.load_state_dict(state["averaged"])
            load_optimizer(self._optimizer.optimizer, state["optimizer"])
            self._fabric.strategy.precision.load_state_dict(state["precision"])
        self._clock = time.monotonic()
        return self.progress

    def _tick(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self._clock
        self._clock = now


def _averaging(
    decay: float,
) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """The moving average of weights, quick at first.

    After n steps the decay is at most (1 + n) / (10 + n), as in TensorFlow's
    ExponentialMovingAverage.
    """

    @torch.no_grad()
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        done = int(count)
        share = 1 - min(decay, (1 + done) / (_EMA_WARMUP + done))
        for average, value in zip(averages, current, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:
                average.copy_(value)

    return update

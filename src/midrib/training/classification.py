"""How classifiers learn: cross-entropy and its kin, mixed pictures, metrics of probabilities."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from midrib.metrics import METRICS
from midrib.tasks import TaskModel, create_loss
from midrib.training.config import TrainConfig
from midrib.training.examples import Batch, Examples
from midrib.training.loading import Pictures
from midrib.training.mixing import Mixing
from midrib.training.objectives import Objective


class ClassificationObjective(Objective):
    """One class a picture. The loss that epochs are told by is the cross-entropy, in nats."""

    def __init__(
        self, model: TaskModel, training: Examples, config: TrainConfig, device: torch.device
    ) -> None:
        self._device = device
        weights = None
        if config.class_weights == "balanced" and isinstance(training, Pictures):
            weights = training.class_weights().to(device)
        self._loss = create_loss(config.loss, smoothing=config.label_smoothing, weights=weights)
        self._mixing = Mixing(config.mixup, config.cutmix, model.classes, config.seed)
        self._metric = METRICS.get(config.metric)

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int, index: int) -> Tensor:
        pictures, truth = self._mixing(*batch, epoch=epoch, batch=index)
        logits, _ = model(pictures.to(self._device))
        return self._loss(logits, truth.to(self._device))

    def judge(self, model: nn.Module, batches: Iterable[Batch]) -> tuple[float, float]:
        answers, truths = [], []
        for pictures, truth in batches:
            logits, _ = model(pictures.to(self._device))
            answers.append(torch.softmax(logits.float(), dim=1).cpu())
            truths.append(truth)
        answer, truth = torch.cat(answers), torch.cat(truths)
        right = answer[torch.arange(len(truth)), truth].clamp_min(1e-12)
        return self._metric(truth.numpy(), answer.numpy()), float(-right.log().mean())

    def improves(self, value: float, best: float | None) -> bool:
        return self._metric.improves(value, best)

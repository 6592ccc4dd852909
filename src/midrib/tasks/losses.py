"""Losses by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from midrib.names import Registry

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (float, count × classes) and truth to a scalar.

Truth is int64, count; where pictures are mixed it is float, count × classes, summing to 1 over
classes.
"""

LossMaker = Callable[[float, Tensor | None], Loss]
"""Label smoothing (0 to 1) and class weights (float, classes) to a loss."""

LOSSES: Registry[LossMaker] = Registry("loss")

_FOCAL_GAMMA = 2.0  # Lin et al., arXiv 1708.02002, section 4.1


@LOSSES.register("cross-entropy")
def cross_entropy(smoothing: float, weights: Tensor | None) -> Loss:
    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        return functional.cross_entropy(logits, truth, weights, label_smoothing=smoothing)

    return loss


@LOSSES.register("focal")
def focal(smoothing: float, weights: Tensor | None) -> Loss:
    """Cross-entropy times (1 - p)^2: pictures that are answered well count less."""

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        each = functional.cross_entropy(
            logits, truth, weights, label_smoothing=smoothing, reduction="none"
        )
        answer = torch.softmax(logits, dim=1)
        if truth.is_floating_point():
            right = (answer * truth).sum(dim=1)
        else:
            right = answer.gather(1, truth[:, None])[:, 0]
        return ((1 - right) ** _FOCAL_GAMMA * each).mean()

    return loss


def create_loss(name: str, *, smoothing: float = 0.0, weights: Tensor | None = None) -> Loss:
    """The loss called ``name``. Raises ``UnknownNameError`` with near matches."""
    return LOSSES.get(name)(smoothing, weights)

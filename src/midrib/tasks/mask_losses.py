"""Losses of class maps, by name: one, or several joined by '+' ('dice+cross-entropy')."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from midrib.errors import UsageError
from midrib.names import Registry
from midrib.records import IGNORED

MaskLoss = Callable[[Tensor, Tensor], Tensor]
"""Logits (float, count × classes × height × width) and truth (int64, count × height × width,
`IGNORED` where unknown) to a scalar; 0 where no pixel is known."""

MaskLossMaker = Callable[[Tensor | None], MaskLoss]
"""Class weights (float, classes) to a loss."""

MASK_LOSSES: Registry[MaskLossMaker] = Registry("mask loss")

_FOCAL_GAMMA = 2.0  # Lin et al., arXiv 1708.02002, section 4.1
_RIM_WEIGHT = 4.0
_RIM_PIXELS = 2
_SMOOTH = 1.0


def create_mask_loss(name: str, *, weights: Tensor | None = None) -> MaskLoss:
    """The loss called ``name``, or the sum of those that '+' joins.

    Raises ``UnknownNameError`` with near matches, and ``UsageError`` for one that comes twice.
    """
    names = name.split("+")
    if len(set(names)) < len(names):
        raise UsageError(
            f"the mask loss '{name}' has a part twice", expected="each once", todo="leave one out"
        )
    parts = [MASK_LOSSES.get(part)(weights) for part in names]

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        return torch.stack([part(logits, truth) for part in parts]).sum()

    return loss


@MASK_LOSSES.register("cross-entropy")
def cross_entropy(weights: Tensor | None) -> MaskLoss:
    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        return _mean_of_known(_entropy(logits, truth, weights), _shares(truth, weights))

    return loss


@MASK_LOSSES.register("focal")
def focal(weights: Tensor | None) -> MaskLoss:
    """Cross-entropy times (1 - p)^2: pixels that are answered well count less."""

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        surely = torch.exp(-_entropy(logits, truth, None))
        each = (1 - surely) ** _FOCAL_GAMMA * _entropy(logits, truth, weights)
        return _mean_of_known(each, _shares(truth, weights))

    return loss


@MASK_LOSSES.register("boundary-cross-entropy")
def boundary_cross_entropy(weights: Tensor | None) -> MaskLoss:
    """Cross-entropy in which pixels within 2 of another class's count five times.

    After the weight map of Ronneberger et al., arXiv 1505.04597, equation 2.
    """

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        rim = 1 + _RIM_WEIGHT * _near_another(truth)
        return _mean_of_known(_entropy(logits, truth, weights) * rim, _shares(truth, weights) * rim)

    return loss


@MASK_LOSSES.register("dice")
def dice(weights: Tensor | None) -> MaskLoss:
    """One minus Dice over the pixels of all pictures, mean over the classes that are there.

    Milletari et al., arXiv 1606.04797, section 3.
    """

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        answer, true = _known_pixels(logits, truth)
        shared, both = (answer * true).sum(dim=0), answer.sum(dim=0) + true.sum(dim=0)
        return _mean_of_classes(1 - (2 * shared + _SMOOTH) / (both + _SMOOTH), true, weights)

    return loss


@MASK_LOSSES.register("lovasz")
def lovasz(weights: Tensor | None) -> MaskLoss:
    """Lovász-Softmax, which stands for one minus intersection over union, over all pictures.

    Berman et al., arXiv 1705.08790, equations 8, 11 and 12; mean over the classes that are there.
    """

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        answer, true = _known_pixels(logits, truth)
        if not len(true):
            return logits.sum() * 0
        error, order = (true - answer).abs().sort(dim=0, descending=True)
        each = (error * _lovasz_steps(true.gather(0, order))).sum(dim=0)
        return _mean_of_classes(each, true, weights)

    return loss


def _lovasz_steps(true: Tensor) -> Tensor:
    """By how much the Jaccard loss rises with each next error: float, pixels × classes."""
    whole = true.sum(dim=0)
    union = whole + (1 - true).cumsum(dim=0)
    jaccard = 1 - (whole - true.cumsum(dim=0)) / union.clamp(min=1)
    return torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])


def _entropy(logits: Tensor, truth: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted cross-entropy of each pixel in nats, 0 where unknown."""
    return functional.cross_entropy(
        logits.float(), truth, weights, ignore_index=IGNORED, reduction="none"
    )


def _shares(truth: Tensor, weights: Tensor | None) -> Tensor:
    """How much each pixel counts: its class's weight, 0 where unknown."""
    known = truth != IGNORED
    if weights is None:
        return known.float()
    return weights[torch.where(known, truth, 0)] * known


def _mean_of_known(each: Tensor, shares: Tensor) -> Tensor:
    return each.sum() / shares.sum().clamp(min=1e-6)


def _known_pixels(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and truth (0 or 1) of the known pixels: float32, pixels × classes."""
    known = truth != IGNORED
    answer = torch.softmax(logits.float(), dim=1).permute(0, 2, 3, 1)[known]
    return answer, functional.one_hot(truth[known], logits.shape[1]).float()


def _mean_of_classes(each: Tensor, true: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted mean over the classes that have pixels; 0 where none has."""
    shares = (true.sum(dim=0) > 0).float() * (1 if weights is None else weights)
    return (each * shares).sum() / shares.sum().clamp(min=1e-6)


def _near_another(truth: Tensor) -> Tensor:
    """1 within `_RIM_PIXELS` of a pixel of another class, else 0: float, like ``truth``.

    What is unknown is no other class.
    """
    size, shown = 2 * _RIM_PIXELS + 1, truth[:, None].float()
    known = shown != IGNORED
    highest = functional.max_pool2d(torch.where(known, shown, -1), size, 1, _RIM_PIXELS)
    lowest = -functional.max_pool2d(torch.where(known, -shown, -IGNORED), size, 1, _RIM_PIXELS)
    return (highest > lowest).float()[:, 0]

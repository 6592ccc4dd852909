"""Losses of boxes and of their scores, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional
from torchvision import ops

from midrib.names import Registry

BoxLoss = Callable[[Tensor, Tensor], Tensor]
"""Boxes (float, count × 4) and the true ones, of the same shape, to one loss each: float, count.

Left, top, right and bottom, in one unit for both; ``l1`` and ``smooth-l1`` take any four numbers,
such as offsets from an anchor.
"""

ScoreLoss = Callable[[Tensor, Tensor], Tensor]
"""Logits (float, any shape) and truth (float, 0 to 1, the same shape) to one loss each."""

BOX_LOSSES: Registry[BoxLoss] = Registry("box loss")
SCORE_LOSSES: Registry[ScoreLoss] = Registry("score loss")

OVERLAPPING = frozenset({"iou", "giou", "diou", "ciou"})
"""Box losses that compare corners, not offsets."""

_SMOOTH_L1_BETA = 1 / 9  # torchvision's and detectron's, in units of offsets
_EPS = 1e-7


@BOX_LOSSES.register("l1")
def l1(boxes: Tensor, truth: Tensor) -> Tensor:
    """Sum of the four distances."""
    return functional.l1_loss(boxes, truth, reduction="none").sum(dim=1)


@BOX_LOSSES.register("smooth-l1")
def smooth_l1(boxes: Tensor, truth: Tensor) -> Tensor:
    """Sum of the four distances, squared where they are small: Girshick, arXiv 1504.08083."""
    each = functional.smooth_l1_loss(boxes, truth, beta=_SMOOTH_L1_BETA, reduction="none")
    return each.sum(dim=1)


@BOX_LOSSES.register("iou")
def iou(boxes: Tensor, truth: Tensor) -> Tensor:
    """One minus intersection over union; without gradient where boxes do not meet."""
    boxes, truth = _solid(boxes), _solid(truth)
    low, high = torch.max(boxes[:, :2], truth[:, :2]), torch.min(boxes[:, 2:], truth[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    union = _area(boxes) + _area(truth) - shared
    return 1 - shared / (union + _EPS)


def _corner_loss(loss: Callable[..., Tensor], boxes: Tensor, truth: Tensor) -> Tensor:
    return loss(_solid(boxes), _solid(truth))


# Rezatofighi et al., arXiv 1902.09630; Zheng et al., arXiv 1911.08287, for the other two.
BOX_LOSSES.register("giou")(partial(_corner_loss, ops.generalized_box_iou_loss))
BOX_LOSSES.register("diou")(partial(_corner_loss, ops.distance_box_iou_loss))
BOX_LOSSES.register("ciou")(partial(_corner_loss, ops.complete_box_iou_loss))


@SCORE_LOSSES.register("cross-entropy")
def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Of a sigmoid, each class by itself."""
    return functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")


@SCORE_LOSSES.register("focal")
def focal(logits: Tensor, truth: Tensor) -> Tensor:
    """Of a sigmoid, what is answered well counts less: Lin et al., arXiv 1708.02002."""
    loss: Tensor = ops.sigmoid_focal_loss(logits, truth)
    return loss


def _solid(boxes: Tensor) -> Tensor:
    """Boxes of at least a millionth of a side, in float32: one without area has no proportions."""
    low, high = boxes[:, :2].float(), boxes[:, 2:].float()
    least = 1e-6 * low.detach().abs().clamp(min=1)
    return torch.cat([low, torch.max(high, low + least)], dim=1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)

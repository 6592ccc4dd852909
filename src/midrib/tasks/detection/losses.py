"""Losses of detectors by name: of what is there, and of where it is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import (
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
    sigmoid_focal_loss,
)

from midrib.names import Registry
from midrib.tasks.detection.coding import encode

ScoreLoss = Callable[[Tensor, Tensor], Tensor]
"""Logits and truth (0 or 1), float of one shape, to the sum of their losses."""

BoxLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Answered boxes, true ones and the anchors they answer for, float32, count × 4 (left, top, right,
bottom), to the sum of their losses."""

SCORE_LOSSES: Registry[ScoreLoss] = Registry("score loss")
BOX_LOSSES: Registry[BoxLoss] = Registry("box loss")

_SMOOTH = 1 / 9


@SCORE_LOSSES.register("focal")
def focal(logits: Tensor, truth: Tensor) -> Tensor:
    """Lin et al., arXiv 1708.02002, with its alpha of 0.25 and gamma of 2."""
    summed: Tensor = sigmoid_focal_loss(logits, truth, alpha=0.25, gamma=2.0, reduction="sum")
    return summed


@SCORE_LOSSES.register("cross-entropy")
def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")


@BOX_LOSSES.register("smooth-l1")
def smooth_l1(answered: Tensor, true: Tensor, anchors: Tensor) -> Tensor:
    """Of the boxes as multiples of their anchors: Girshick, arXiv 1504.08083, section 2.3."""
    return functional.smooth_l1_loss(
        encode(anchors, answered), encode(anchors, true), beta=_SMOOTH, reduction="sum"
    )


@BOX_LOSSES.register("giou")
def giou(answered: Tensor, true: Tensor, anchors: Tensor) -> Tensor:  # noqa: ARG001 - the door is one for all
    """Rezatofighi et al., arXiv 1902.09630."""
    summed: Tensor = generalized_box_iou_loss(answered, true, reduction="sum")
    return summed


@BOX_LOSSES.register("diou")
def diou(answered: Tensor, true: Tensor, anchors: Tensor) -> Tensor:  # noqa: ARG001 - the door is one for all
    """Zheng et al., arXiv 1911.08287."""
    summed: Tensor = distance_box_iou_loss(answered, true, reduction="sum")
    return summed


@BOX_LOSSES.register("ciou")
def ciou(answered: Tensor, true: Tensor, anchors: Tensor) -> Tensor:  # noqa: ARG001 - the door is one for all
    """Zheng et al., arXiv 1911.08287, with the aspect ratio."""
    summed: Tensor = complete_box_iou_loss(answered, true, reduction="sum")
    return summed


def one_hot(classes: Tensor, places: Tensor, count: int) -> Tensor:
    """Truth of anchors that answer for ``places`` (int64; below 0: for none), float, … × count."""
    truth = torch.zeros((len(places), count), device=places.device)
    found = places >= 0
    truth[found, classes[places[found]]] = 1.0
    return truth

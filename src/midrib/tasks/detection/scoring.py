"""Sums of the named losses over anchors: of what is there, and of where it is."""

from __future__ import annotations

import torch
from torch import Tensor

from midrib.tasks.box_losses import BOX_LOSSES, OVERLAPPING, SCORE_LOSSES
from midrib.tasks.detection.coding import encode


class Losses:
    """The two losses of a detector by their names.

    Args:
        scores: a registered score loss.
        boxes: a registered box loss; one of offsets compares boxes as multiples of their anchors.
        scales: what these multiples (x, y, width, height) are multiplied by.
    """

    def __init__(
        self, scores: str, boxes: str, scales: tuple[float, float, float, float] = (1, 1, 1, 1)
    ) -> None:
        self._scores = SCORE_LOSSES.get(scores)
        self._boxes = BOX_LOSSES.get(boxes)
        self._of_corners = boxes in OVERLAPPING
        self._scales = scales

    def scores(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Logits and truth (0 or 1), float of one shape, to the sum of their losses."""
        return self._scores(logits, truth).sum()

    def boxes(self, answered: Tensor, true: Tensor, anchors: Tensor) -> Tensor:
        """Boxes and those that they should be, float, count × 4, to the sum of their losses."""
        if self._of_corners:
            return self._boxes(answered, true).sum()
        scales = anchors.new_tensor(self._scales)
        offsets = [encode(anchors, each) * scales for each in (answered, true)]
        return self._boxes(*offsets).sum()


def one_hot(classes: Tensor, places: Tensor, count: int) -> Tensor:
    """Truth of anchors that answer for ``places`` (int64; below 0: for none), float, … × count."""
    truth = torch.zeros((len(places), count), device=places.device)
    found = places >= 0
    truth[found, classes[places[found]]] = 1.0
    return truth

"""Some anchors or regions of a picture to learn from, so that background does not drown objects."""

from __future__ import annotations

import torch
from torch import Tensor

from midrib.tasks.detection.matching import BACKGROUND


def sampled(places: Tensor, most: int, share: float) -> Tensor:
    """Up to ``most`` places at random, of which up to ``share`` are objects'.

    Args:
        places: int64, anchors: the object of each, or `BACKGROUND`, or what is ignored.
        most: how many are wanted.
        share: 0 to 1.

    Returns:
        int64: which anchors, objects first.
    """
    objects = _some(torch.where(places >= 0)[0], int(most * share))
    background = _some(torch.where(places == BACKGROUND)[0], most - len(objects))
    return torch.cat([objects, background])


def _some(chosen: Tensor, most: int) -> Tensor:
    return chosen[torch.randperm(len(chosen), device=chosen.device)[:most]]

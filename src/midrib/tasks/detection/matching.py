"""Which object each anchor is to answer for."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou

from midrib.tasks.detection.targets import Target

BACKGROUND = -1
IGNORED = -2
_COVERED = 0.5


def match_anchors(anchors: Tensor, target: Target, *, background: float, object_: float) -> Tensor:
    """The object that each anchor answers for.

    An anchor takes the object that it overlaps most, from an IoU of ``object_`` on; below
    ``background`` it is background, and between the two it is ignored. Each object has the anchors
    that overlap it most in any case, as in Faster R-CNN (arXiv 1506.01497, section 3.1.2).

    Args:
        anchors: float32, anchors × 4 (left, top, right, bottom).
        target: what is in the picture.
        background: IoU, 0 to 1.
        object_: IoU, 0 to 1, at least ``background``.

    Returns:
        int64, anchors: the object's place, `BACKGROUND` or `IGNORED`.
    """
    places = torch.full((len(anchors),), BACKGROUND, dtype=torch.int64, device=anchors.device)
    if len(target.boxes):
        overlap = box_iou(target.boxes, anchors)
        best, place = overlap.max(dim=0)
        places[best >= background] = IGNORED
        places = torch.where(best >= object_, place, places)
        most = overlap.max(dim=1, keepdim=True).values
        owners, own = torch.where((overlap == most) & (most > 0))
        places[own] = owners
    return ignore_covered(places, anchors, target.ignored)


def ignore_covered(places: Tensor, anchors: Tensor, ignored: Tensor) -> Tensor:
    """Background of which half lies in an ignored region is ignored too."""
    if not len(ignored):
        return places
    low = torch.maximum(anchors[:, None, :2], ignored[None, :, :2])
    high = torch.minimum(anchors[:, None, 2:], ignored[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    areas = (anchors[:, 2:] - anchors[:, :2]).prod(dim=1)
    covered = (shared / areas[:, None]).max(dim=1).values >= _COVERED
    return torch.where(covered & (places == BACKGROUND), IGNORED, places)

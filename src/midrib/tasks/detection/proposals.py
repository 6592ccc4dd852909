"""Regions that may hold an object: the first stage of Faster R-CNN, arXiv 1506.01497, section 3.

torchvision's head; what is around it is written anew, for its RegionProposalNetwork cannot be
exported with shapes that are known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import nms

from midrib.tasks.detection.anchors import anchors_of, cells_of
from midrib.tasks.detection.coding import decode
from midrib.tasks.detection.matching import match_anchors
from midrib.tasks.detection.sampling import sampled
from midrib.tasks.detection.scoring import Losses
from midrib.tasks.detection.targets import Target
from midrib.tasks.plan import DetectionPlan

_BACKGROUND, _OBJECT = 0.3, 0.7  # section 3.1.2
_SAMPLED, _SHARE_OF_OBJECTS = 256, 0.5  # section 3.1.3
_MOST_OVERLAP = 0.7  # section 3.3
_LEAST_SIDE = 1e-3  # pixels
NOT_PROPOSED = -1.0
"""Score of a region that stands where there are no more proposals."""


class Counts(NamedTuple):
    """Regions of one picture: the surest of each level, and those of all that are kept."""

    a_level: int
    kept: int


LEARNING = Counts(2000, 1000)
"""As in Detectron2 with a pyramid."""

ANSWERING = Counts(1000, 300)
"""300 as in the paper's section 4: each costs two large layers, and more find hardly more."""


class Answered(NamedTuple):
    """What the head says of all anchors, by stride, row, column, ratio and size.

    ``logits``: float32, count × anchors. ``codes``: float32, count × anchors × 4.
    """

    logits: Tensor
    codes: Tensor


class Proposals(NamedTuple):
    """As many regions in each picture.

    ``boxes``: float32, count × regions × 4 (left, top, right, bottom) in pixels of the input.
    ``scores``: float32, count × regions, 0 to 1, surest first; `NOT_PROPOSED` where none is left.
    """

    boxes: Tensor
    scores: Tensor


class ProposalNetwork(nn.Module):
    """Scores and moves the anchors of a pyramid, and keeps the surest of each place.

    Args:
        plan: strides, channels and anchors.
        box_loss: of the boxes, by name.
    """

    def __init__(self, plan: DetectionPlan, box_loss: str) -> None:
        super().__init__()
        self.head = RPNHead(plan.channels, plan.anchors)
        self.anchors: Tensor
        self.bounds: Tensor
        self.register_buffer("anchors", anchors_of(plan), persistent=False)
        edges = [float(plan.width), float(plan.height)] * 2
        self.register_buffer("bounds", torch.tensor(edges), persistent=False)
        self.learning, self.answering = LEARNING, ANSWERING
        self._a_level = [rows * columns * plan.anchors for rows, columns in cells_of(plan)]
        self._losses = Losses("cross-entropy", box_loss)

    def forward(self, maps: Sequence[Tensor]) -> Answered:
        """Maps of the pyramid, finest first, to what is said of their anchors."""
        logits, codes = self.head(list(maps))
        flat = [each.permute(0, 2, 3, 1).flatten(1) for each in logits]
        moved = [each.permute(0, 2, 3, 1).reshape(len(each), -1, 4) for each in codes]
        return Answered(torch.cat(flat, dim=1).float(), torch.cat(moved, dim=1).float())

    def propose(self, answered: Answered) -> Proposals:
        """The surest regions, none of which covers a surer one of its level."""
        counts = self.learning if self.training else self.answering
        boxes, scores = [], []
        levels = zip(
            torch.split(self.anchors, self._a_level),
            torch.split(answered.logits, self._a_level, dim=1),
            torch.split(answered.codes, self._a_level, dim=1),
            strict=True,
        )
        for anchors, logits, codes in levels:
            sure, places = logits.topk(min(counts.a_level, len(anchors)), dim=1)
            moved = decode(
                anchors[places], codes.gather(1, places[..., None].expand(-1, -1, codes.shape[2]))
            )
            boxes.append(self.within(moved))
            scores.append(_standing(boxes[-1], torch.sigmoid(sure)))
        all_scores = torch.cat(scores, dim=1)
        kept, places = all_scores.topk(min(counts.kept, all_scores.shape[1]), dim=1)
        places = places[..., None].expand(-1, -1, 4)
        return Proposals(torch.cat(boxes, dim=1).gather(1, places), kept)

    def within(self, boxes: Tensor) -> Tensor:
        """Boxes, float, … × 4, cut at the input's edges."""
        return torch.minimum(boxes.clamp(min=0), self.bounds)

    def losses(self, answered: Answered, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Of a sample of anchors: whether there is an object, and where it is."""
        scores, boxes, count = [], [], 0
        for logits, codes, target in zip(*answered, targets, strict=True):
            places = match_anchors(self.anchors, target, background=_BACKGROUND, object_=_OBJECT)
            chosen = sampled(places, _SAMPLED, _SHARE_OF_OBJECTS)
            found = chosen[places[chosen] >= 0]
            is_object = (places[chosen] >= 0).to(logits.dtype)
            scores.append(
                functional.binary_cross_entropy_with_logits(
                    logits[chosen], is_object, reduction="sum"
                )
            )
            own = self.anchors[found]
            boxes.append(
                self._losses.boxes(decode(own, codes[found]), target.boxes[places[found]], own)
            )
            count += len(chosen)
        parts = {"proposal_scores": scores, "proposal_boxes": boxes}
        return {name: torch.stack(part).sum() / max(1, count) for name, part in parts.items()}


def _standing(boxes: Tensor, scores: Tensor) -> Tensor:
    """Scores, float, count × regions, of those that no surer one covers; else `NOT_PROPOSED`.

    Picture by picture: suppression compares each with each, so that one call for a whole batch
    would cost the square of it.
    """
    real = (boxes[..., 2:] - boxes[..., :2] >= _LEAST_SIDE).all(dim=2)
    scores = torch.where(real, scores, NOT_PROPOSED)
    rows = []
    for own, sure in zip(boxes.unbind(), scores.unbind(), strict=True):
        kept = nms(own, sure, _MOST_OVERLAP)
        rows.append(torch.full_like(sure, NOT_PROPOSED).scatter(0, kept, sure[kept]))
    return torch.stack(rows)

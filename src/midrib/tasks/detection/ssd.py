"""SSD: Liu et al., arXiv 1512.02325, with torchvision's head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection.ssd import SSDHead

from midrib.backbones import AddedLevels, Backbone
from midrib.tasks.detection.anchors import anchors_of
from midrib.tasks.detection.coding import decode
from midrib.tasks.detection.interface import Detector, Seen, plan_of
from midrib.tasks.detection.matching import IGNORED, match_anchors
from midrib.tasks.detection.scoring import Losses
from midrib.tasks.detection.targets import Target
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import DetectionPlan

NEGATIVES = 3
"""Background anchors an object's that are learnt from, the worst answered: section 2.2."""

_OBJECT = 0.5


class Ssd(Detector):
    """Anchors at every level, each level with its own small head and no pyramid between them.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides and anchors; maps keep the channels that they have.
        box_loss: of the boxes, by name.
    """

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, box_loss: str
    ) -> None:
        super().__init__(backbone, classes, plan)
        self.added = AddedLevels(backbone, plan.strides)
        channels = [level.channels for level in self.added.levels]
        self.head = SSDHead(channels, [plan.anchors] * len(channels), classes + 1)
        self.anchors: Tensor
        self.register_buffer("anchors", anchors_of(plan), persistent=False)
        self._losses = Losses("cross-entropy", box_loss)

    def see(self, pictures: Tensor) -> Seen:
        logits, codes, embedding = self._answered(pictures)
        scores = torch.softmax(logits, dim=2)[..., 1:]
        return Seen(decode(self.anchors, codes), scores, embedding)

    def losses(self, pictures: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        logits, codes, _ = self._answered(pictures)
        scores, boxes, objects = [], [], 0
        for row, target in enumerate(targets):
            places = match_anchors(self.anchors, target, background=_OBJECT, object_=_OBJECT)
            found = places >= 0
            scores.append(_mined(logits[row], _truth(places, target.classes), places))
            own = self.anchors[found]
            boxes.append(
                self._losses.boxes(decode(own, codes[row][found]), target.boxes[places[found]], own)
            )
            objects += int(found.sum())
        over = max(1, objects)
        parts = {"scores": scores, "boxes": boxes}
        return {name: torch.stack(part).sum() / over for name, part in parts.items()}

    def _answered(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scaled = self.normalised(pictures)
        own = self.backbone.pyramid(scaled)
        answered = self.head(list(self.added(own, scaled)))
        embedding = own[-1].mean(dim=(2, 3))
        return answered["cls_logits"].float(), answered["bbox_regression"].float(), embedding


def _truth(places: Tensor, classes: Tensor) -> Tensor:
    """The class of each anchor, 0 being background: int64, anchors."""
    truth = torch.zeros(len(places), dtype=torch.int64, device=places.device)
    found = places >= 0
    truth[found] = classes[places[found]] + 1
    return truth


def _mined(logits: Tensor, truth: Tensor, places: Tensor) -> Tensor:
    """Cross-entropy of the objects' anchors and of the background that is answered worst."""
    each = functional.cross_entropy(logits, truth, reduction="none")
    found = places >= 0
    background = each[~found & (places != IGNORED)]
    count = min(len(background), NEGATIVES * max(1, int(found.sum())))
    return each[found].sum() + background.topk(count).values.sum()


def ssd(request: ModelRequest) -> Ssd:
    """The model of the algorithm of that name."""
    return Ssd(
        request.backbone, request.classes, plan_of(request), box_loss=request.options["box_loss"]
    )

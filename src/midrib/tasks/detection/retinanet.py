"""RetinaNet: Lin et al., arXiv 1708.02002, with torchvision's head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.models.detection.retinanet import RetinaNetHead

from midrib.backbones import Backbone
from midrib.tasks.detection.anchors import anchors_of
from midrib.tasks.detection.coding import decode
from midrib.tasks.detection.interface import PyramidDetector, Seen, plan_of
from midrib.tasks.detection.matching import IGNORED, match_anchors
from midrib.tasks.detection.scoring import Losses, one_hot
from midrib.tasks.detection.targets import Target
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import DetectionPlan

_BACKGROUND, _OBJECT = 0.4, 0.5  # section 4, 'Anchors'
_GROUPS = 32


class RetinaNet(PyramidDetector):
    """Anchors everywhere, each scored and moved by convolutions that all levels share.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides, channels and anchors.
        loss: of the scores, by name.
        box_loss: of the boxes, by name.
    """

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, loss: str, box_loss: str
    ) -> None:
        super().__init__(backbone, classes, plan)
        # As in torchvision's second version: without it a few dozen steps at a usual rate diverge.
        norm = partial(nn.GroupNorm, _GROUPS)
        self.head = RetinaNetHead(plan.channels, plan.anchors, classes, norm_layer=norm)
        self.anchors: Tensor
        self.register_buffer("anchors", anchors_of(plan), persistent=False)
        self._losses = Losses(loss, box_loss)

    def see(self, pictures: Tensor) -> Seen:
        logits, codes, embedding = self._answered(pictures)
        return Seen(decode(self.anchors, codes), torch.sigmoid(logits), embedding)

    def losses(self, pictures: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        logits, codes, _ = self._answered(pictures)
        scores, boxes, objects = [], [], 0
        for row, target in enumerate(targets):
            places = match_anchors(self.anchors, target, background=_BACKGROUND, object_=_OBJECT)
            counted, found = places != IGNORED, places >= 0
            truth = one_hot(target.classes, places, self.classes)
            scores.append(self._losses.scores(logits[row][counted], truth[counted]))
            own = self.anchors[found]
            boxes.append(
                self._losses.boxes(decode(own, codes[row][found]), target.boxes[places[found]], own)
            )
            objects += int(found.sum())
        over = max(1, objects)
        return {
            "scores": torch.stack(scores).sum() / over,
            "boxes": torch.stack(boxes).sum() / over,
        }

    def _answered(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps, embedding = self.maps(pictures)
        answered = self.head(maps)
        return answered["cls_logits"].float(), answered["bbox_regression"].float(), embedding


def retinanet(request: ModelRequest) -> RetinaNet:
    """The model of the algorithm of that name."""
    return RetinaNet(
        request.backbone,
        request.classes,
        plan_of(request),
        loss=request.options["loss"],
        box_loss=request.options["box_loss"],
    )

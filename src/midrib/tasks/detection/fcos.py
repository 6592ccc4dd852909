"""FCOS: Tian et al., arXiv 2006.09214, with torchvision's head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection.fcos import FCOSHead

from midrib.backbones import Backbone
from midrib.tasks.detection.anchors import centres_of
from midrib.tasks.detection.interface import PyramidDetector, Seen, plan_of
from midrib.tasks.detection.matching import BACKGROUND, IGNORED, ignore_covered
from midrib.tasks.detection.scoring import Losses, one_hot
from midrib.tasks.detection.targets import Target
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import CELLS_PER_SIDE, DetectionPlan

RADIUS = 1.5
"""Strides around an object's centre in which cells answer for it: section 3.3."""

_FAR = 1e8


class Fcos(PyramidDetector):
    """Every cell near an object's centre tells how far away its four edges are.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides and channels; it has no use for the anchors.
        loss: of the scores, by name.
        box_loss: of the boxes, by name.
    """

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, loss: str, box_loss: str
    ) -> None:
        super().__init__(backbone, classes, plan)
        self.head = FCOSHead(plan.channels, 1, classes)
        self.centres: Tensor
        self.strides: Tensor
        centres, strides = centres_of(plan)
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("strides", strides, persistent=False)
        self._losses = Losses(loss, box_loss)
        self._bounds = _bounds(plan)

    def see(self, pictures: Tensor) -> Seen:
        logits, distances, centredness, embedding = self._answered(pictures)
        scores = torch.sqrt(torch.sigmoid(logits) * torch.sigmoid(centredness))
        return Seen(self._boxes(distances), scores, embedding)

    def losses(self, pictures: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        logits, distances, centredness, _ = self._answered(pictures)
        answered = self._boxes(distances)
        half = self.strides[:, None] / 2
        cells = torch.cat([self.centres - half, self.centres + half], dim=1)
        parts: dict[str, list[Tensor]] = {"scores": [], "boxes": [], "centredness": []}
        objects = 0
        for row, target in enumerate(targets):
            places = ignore_covered(self._matched(target), cells, target.ignored)
            counted, found = places != IGNORED, places >= 0
            truth = one_hot(target.classes, places, self.classes)
            boxes = target.boxes[places[found]]
            parts["scores"].append(self._losses.scores(logits[row][counted], truth[counted]))
            parts["boxes"].append(self._losses.boxes(answered[row][found], boxes, cells[found]))
            parts["centredness"].append(
                functional.binary_cross_entropy_with_logits(
                    centredness[row, found, 0],
                    _centredness(self.centres[found], boxes),
                    reduction="sum",
                )
            )
            objects += int(found.sum())
        over = max(1, objects)
        return {name: torch.stack(part).sum() / over for name, part in parts.items()}

    def _matched(self, target: Target) -> Tensor:
        """The smallest object of each cell's size that has the cell near its centre: int64."""
        places = torch.full((len(self.centres),), BACKGROUND, device=self.centres.device)
        if not len(target.boxes):
            return places
        boxes = target.boxes[None]
        centres = self.centres[:, None]
        edges = torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], dim=2)
        middles = (boxes[..., :2] + boxes[..., 2:]) / 2
        away = (centres - middles).abs().max(dim=2).values
        near = away < RADIUS * self.strides[:, None]
        inside = edges.min(dim=2).values > 0
        low, high = (bound.to(edges.device)[:, None] for bound in self._bounds)
        reach = edges.max(dim=2).values
        able = near & inside & (reach >= low) & (reach < high)
        areas = (boxes[..., 2:] - boxes[..., :2]).prod(dim=2).expand(able.shape)
        smallest, place = torch.where(able, areas, _FAR).min(dim=1)
        return torch.where(smallest < _FAR, place, places)

    def _boxes(self, distances: Tensor) -> Tensor:
        """Distances of left, top, right and bottom, in strides, to boxes."""
        reach = distances * self.strides[:, None]
        return torch.cat([self.centres - reach[..., :2], self.centres + reach[..., 2:]], dim=-1)

    def _answered(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        maps, embedding = self.maps(pictures)
        answered = self.head(maps)
        names = ("cls_logits", "bbox_regression", "bbox_ctrness")
        logits, distances, centredness = (answered[name].float() for name in names)
        return logits, distances, centredness, embedding


def _bounds(plan: DetectionPlan) -> tuple[Tensor, Tensor]:
    """Least and largest distance to an edge that each cell answers for, in pixels.

    Objects of a side up to twice what anchors at this stride would have, the finest from nothing
    on and the coarsest without end: section 3.2 with strides that double.
    """
    _, strides = centres_of(plan)
    high = strides * CELLS_PER_SIDE
    low = torch.where(strides == strides.min(), 0.0, high / 2)
    return low, torch.where(strides == strides.max(), _FAR, high)


def _centredness(centres: Tensor, boxes: Tensor) -> Tensor:
    """1 in the middle of a box, 0 at its edge: equation 3."""
    low, high = (centres - boxes[:, :2]).clamp(min=0), (boxes[:, 2:] - centres).clamp(min=0)
    shares = torch.minimum(low, high) / torch.maximum(low, high).clamp(min=1e-6)
    return shares.prod(dim=1).sqrt()


def fcos(request: ModelRequest) -> Fcos:
    """The model of the algorithm of that name."""
    return Fcos(
        request.backbone,
        request.classes,
        plan_of(request),
        loss=request.options["loss"],
        box_loss=request.options["box_loss"],
    )

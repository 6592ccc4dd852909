"""YOLOv3: Redmon and Farhadi, arXiv 1804.02767.

Written from the paper, but for two things that came later: boxes learn by a loss of their overlap
instead of squared differences, and objectness begins at 0.01 as in RetinaNet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import box_iou

from midrib.backbones import AddedLevels, Backbone
from midrib.tasks.detection.anchors import anchors_of, cells_of
from midrib.tasks.detection.interface import Detector, Seen, plan_of
from midrib.tasks.detection.matching import BACKGROUND, IGNORED, ignore_covered
from midrib.tasks.detection.scoring import Losses, one_hot
from midrib.tasks.detection.targets import Target
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import DetectionPlan

IGNORED_FROM = 0.5
"""Overlap of an answered box with an object from which on it is no background: section 2.1."""

_PRIOR = 0.01
_SLOPE = 0.1
_LARGEST = math.log(1000 / 16)


class YoloV3(Detector):
    """Each object is answered for by the one anchor of its shape in the cell of its centre.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides, channels and sizes; anchors have the middle one of its ratios.
        loss: of objectness and classes, by name.
        box_loss: of the boxes, by name.
    """

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, loss: str, box_loss: str
    ) -> None:
        middle = plan.ratios[len(plan.ratios) // 2]
        plan = plan.model_copy(update={"ratios": (middle,)})
        super().__init__(backbone, classes, plan)
        self.added = AddedLevels(backbone, plan.strides)
        channels = [level.channels for level in self.added.levels]
        self.head = YoloHead(channels, plan.channels, plan.anchors * (5 + classes))
        _begin_at(self.head, _PRIOR, plan.anchors, 5 + classes)
        anchors = anchors_of(plan)
        per_anchor = [
            torch.full((rows * columns * plan.anchors,), float(stride))
            for stride, (rows, columns) in zip(plan.strides, cells_of(plan), strict=True)
        ]
        self.anchors: Tensor
        self.strides: Tensor
        self.register_buffer("anchors", anchors, persistent=False)
        self.register_buffer("strides", torch.cat(per_anchor), persistent=False)
        self._losses = Losses(loss, box_loss)

    def see(self, pictures: Tensor) -> Seen:
        answered, embedding = self._answered(pictures)
        scores = torch.sigmoid(answered[..., 4:5]) * torch.sigmoid(answered[..., 5:])
        return Seen(self._boxes(answered), scores, embedding)

    def losses(self, pictures: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        answered, _ = self._answered(pictures)
        boxes = self._boxes(answered)
        parts: dict[str, list[Tensor]] = {"objectness": [], "classes": [], "boxes": []}
        objects = 0
        for row, target in enumerate(targets):
            places = self._matched(target, boxes[row].detach())
            counted, found = places != IGNORED, places >= 0
            own = places[found]
            truth = one_hot(target.classes, own, self.classes)
            parts["objectness"].append(
                self._losses.scores(answered[row, counted, 4], found[counted].float())
            )
            parts["classes"].append(self._losses.scores(answered[row, found, 5:], truth))
            parts["boxes"].append(
                self._losses.boxes(boxes[row, found], target.boxes[own], self.anchors[found])
            )
            objects += len(own)
        over = max(1, objects)
        return {name: torch.stack(part).sum() / over for name, part in parts.items()}

    def _matched(self, target: Target, answered: Tensor) -> Tensor:
        """The object of each anchor, int64: as `match_anchors` gives them."""
        places = torch.full((len(self.anchors),), BACKGROUND, device=self.anchors.device)
        if len(target.boxes):
            near = box_iou(answered, target.boxes).max(dim=1).values >= IGNORED_FROM
            places[near] = IGNORED
            middles = (target.boxes[:, :2] + target.boxes[:, 2:]) / 2
            centres = (self.anchors[:, :2] + self.anchors[:, 2:]) / 2
            away = (centres[:, None] - middles[None]).abs().max(dim=2).values
            in_cell = away <= self.strides[:, None] / 2
            alike = _shape_overlap(self.anchors, target.boxes)
            best = torch.where(in_cell, alike, -1.0).max(dim=0).indices
            places[best] = torch.arange(len(best), device=best.device)
        return ignore_covered(places, self.anchors, target.ignored)

    def _boxes(self, answered: Tensor) -> Tensor:
        """Section 2.1: centres within their cell, sides as multiples of the anchor's."""
        low, high = self.anchors[:, :2], self.anchors[:, 2:]
        shift = (torch.sigmoid(answered[..., :2]) - 0.5) * self.strides[:, None]
        middle = (low + high) / 2 + shift
        half = (high - low) * torch.exp(answered[..., 2:4].clamp(max=_LARGEST)) / 2
        return torch.cat([middle - half, middle + half], dim=-1)

    def _answered(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        scaled = self.normalised(pictures)
        own = self.backbone.pyramid(scaled)
        maps = self.head(list(self.added(own, scaled)))
        numbers = 5 + self.classes
        flat = [each.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, numbers)) for each in maps]
        return torch.cat(flat, dim=1).float(), own[-1].mean(dim=(2, 3))


class YoloHead(nn.Module):
    """Five convolutions a level, each level seeing the coarser one beside its own map.

    Args:
        channels: of the maps, finest first.
        width: of the narrow convolutions; the wide ones have twice as many channels.
        outputs: channels of the answers.
    """

    def __init__(self, channels: Sequence[int], width: int, outputs: int) -> None:
        super().__init__()
        last = len(channels) - 1
        self.blocks = nn.ModuleList(
            _block(own + (0 if place == last else width // 2), width)
            for place, own in enumerate(channels)
        )
        self.routes = nn.ModuleList(_convolved(width, width // 2, 1) for _ in channels[1:])
        self.answers = nn.ModuleList(
            nn.Sequential(_convolved(width, 2 * width, 3), nn.Conv2d(2 * width, outputs, 1))
            for _ in channels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps, finest first, float, count × channels × height × width, to answers of each."""
        answers: list[Tensor] = []
        seen: Tensor | None = None
        for place in range(len(maps) - 1, -1, -1):
            own = maps[place]
            if seen is not None:
                routed = self.routes[place](seen)
                larger = functional.interpolate(routed, size=own.shape[-2:], mode="nearest")
                own = torch.cat([larger, own], dim=1)
            seen = self.blocks[place](own)
            answers.insert(0, self.answers[place](seen))
        return answers


def _block(incoming: int, width: int) -> nn.Sequential:
    layers = [_convolved(incoming, width, 1)]
    for _ in range(2):
        layers += [_convolved(width, 2 * width, 3), _convolved(2 * width, width, 1)]
    return nn.Sequential(*layers)


def _convolved(incoming: int, outgoing: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(incoming, outgoing, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(outgoing),
        nn.LeakyReLU(_SLOPE),
    )


def _begin_at(head: YoloHead, prior: float, anchors: int, numbers: int) -> None:
    """Let objectness begin at ``prior``, so that background does not drown the first steps."""
    for last in head.answers.modules():
        if isinstance(last, nn.Conv2d) and last.bias is not None:
            nn.init.normal_(last.weight, std=0.01)
            bias = torch.zeros(anchors, numbers)
            bias[:, 4] = -math.log((1 - prior) / prior)
            last.bias = nn.Parameter(bias.flatten())


def _shape_overlap(anchors: Tensor, boxes: Tensor) -> Tensor:
    """IoU of anchors and boxes about one centre: float, anchors × boxes."""
    one, other = ((each[:, 2:] - each[:, :2]) for each in (anchors, boxes))
    shared = torch.minimum(one[:, None], other[None]).prod(dim=2)
    return shared / (one.prod(dim=1)[:, None] + other.prod(dim=1)[None] - shared)


def yolov3(request: ModelRequest) -> YoloV3:
    """The model of the algorithm of that name."""
    return YoloV3(
        request.backbone,
        request.classes,
        plan_of(request),
        loss=request.options["loss"],
        box_loss=request.options["box_loss"],
    )

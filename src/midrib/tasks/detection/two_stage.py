"""Detectors that look twice: where an object may be, and what is there.

maps ─▶ proposals ─▶ regions of the maps ─▶ class and corrected box of each
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops.poolers import LevelMapper, initLevelMapper

from midrib.backbones import Backbone
from midrib.tasks.detection.coding import decode
from midrib.tasks.detection.interface import PyramidDetector, Seen
from midrib.tasks.detection.matching import match_anchors
from midrib.tasks.detection.proposals import NOT_PROPOSED, ProposalNetwork, Proposals
from midrib.tasks.detection.sampling import sampled
from midrib.tasks.detection.scoring import Losses
from midrib.tasks.detection.targets import Target
from midrib.tasks.plan import REGION_CELLS, DetectionPlan

CODE_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
"""What codes of regions are multiplied by: one over their usual spread, as in Fast R-CNN."""

MOST_CANDIDATES = 1000
"""Boxes of one picture that are answered where each class has its own: as many as suppression
looks at."""

_OBJECT = 0.5  # arXiv 1504.08083, section 2.3
SAMPLED = 256
"""Regions of one picture that the second stage learns from."""

_SHARE_OF_OBJECTS = 0.25

Regions = Sequence[Tensor]
"""Of each picture: float32, regions × 4 (left, top, right, bottom) in pixels of the input."""


class Sample(NamedTuple):
    """Regions of one picture to learn from, those of objects first.

    ``regions``: float32, regions × 4. ``places``: int64, regions: the object of each, or
    `BACKGROUND`.
    """

    regions: Tensor
    places: Tensor

    @property
    def of_objects(self) -> tuple[Tensor, Tensor]:
        """The regions that hold an object, and the place of that object."""
        found = self.places >= 0
        return self.regions[found], self.places[found]


class TwoStageDetector(PyramidDetector):
    """A proposal network, and a head that looks at each region.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides, channels, anchors and the levels of regions.
        box_loss: of the boxes of both stages, by name.
    """

    dynamic_batch = False
    ranked = True

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, box_loss: str
    ) -> None:
        super().__init__(backbone, classes, plan)
        self.proposals = ProposalNetwork(plan, box_loss)
        self.code_weights: Tensor
        self.register_buffer("code_weights", torch.tensor(CODE_WEIGHTS), persistent=False)
        self._losses = Losses("cross-entropy", box_loss, scales=CODE_WEIGHTS)

    @abstractmethod
    def look(self, maps: Sequence[Tensor], regions: Regions) -> tuple[Tensor, Tensor]:
        """What the regions of all pictures hold, one after the other.

        Returns logits, float32, regions × (1 + classes), the first being background, and codes,
        float32, regions × boxes × 4: one box, or one for each of the logits.
        """

    def see(self, pictures: Tensor) -> Seen:
        maps, embedding = self.maps(pictures)
        boxes, scores = self._candidates(maps, self.proposals.propose(self.proposals(maps)))
        return Seen(*surest(boxes, scores), embedding)

    def losses(self, pictures: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        maps, _ = self.maps(pictures)
        answered = self.proposals(maps)
        with torch.no_grad():
            proposed = self.proposals.propose(answered)
        samples = [
            _sample(boxes[scores > NOT_PROPOSED], target)
            for boxes, scores, target in zip(*proposed, targets, strict=True)
        ]
        return {
            **self.proposals.losses(answered, targets),
            **self._region_losses(maps, samples, targets),
        }

    def _candidates(self, maps: Sequence[Tensor], proposed: Proposals) -> tuple[Tensor, Tensor]:
        """Of each region its boxes, count × regions × boxes × 4, and scores, … × classes."""
        logits, codes = self.look(maps, proposed.boxes.unbind())
        count, regions = proposed.scores.shape
        scores = torch.softmax(logits, dim=1)[:, 1:].reshape(count, regions, -1)
        scores = torch.where(proposed.scores[..., None] > NOT_PROPOSED, scores, 0.0)
        weighted = codes.reshape(count, regions, -1, 4) / self.code_weights
        moved = decode(proposed.boxes[:, :, None], weighted)
        return self.proposals.within(moved if codes.shape[1] == 1 else moved[:, :, 1:]), scores

    def _region_losses(
        self, maps: Sequence[Tensor], samples: Sequence[Sample], targets: Sequence[Target]
    ) -> dict[str, Tensor]:
        logits, codes = self.look(maps, [sample.regions for sample in samples])
        each = list(zip(samples, targets, strict=True))
        truth = torch.cat([_truth(sample.places, target.classes) for sample, target in each])
        found = truth > 0
        own = torch.cat([sample.of_objects[0] for sample in samples])
        boxes = torch.cat([target.boxes[sample.of_objects[1]] for sample, target in each])
        chosen = codes[found, 0] if codes.shape[1] == 1 else codes[found, truth[found]]
        answered = decode(own, chosen / self.code_weights)
        over = max(1, len(truth))
        return {
            "scores": functional.cross_entropy(logits, truth, reduction="sum") / over,
            "boxes": self._losses.boxes(answered, boxes, own) / over,
        }


def surest(boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """Regions to candidates, as `Seen` has them.

    Args:
        boxes: float32, count × regions × boxes × 4; one box, or one for each class.
        scores: float32, count × regions × classes.

    Returns:
        The regions themselves where they have one box; else the surest pairs of region and class,
        each with a score for its own class alone.
    """
    if boxes.shape[2] == 1:
        return boxes[:, :, 0], scores
    classes = scores.shape[2]
    flat = scores.flatten(1)
    sure, places = flat.topk(min(MOST_CANDIDATES, flat.shape[1]), dim=1)
    chosen = boxes.flatten(1, 2).gather(1, places[..., None].expand(-1, -1, 4))
    is_own = (places % classes)[..., None] == torch.arange(classes, device=places.device)
    return chosen, torch.where(is_own, sure[..., None], 0.0)


def levels_of(plan: DetectionPlan) -> LevelMapper:
    """Regions to the level that each is read from: arXiv 1612.03144, equation 1.

    A region of ``region_cells`` cells of a map, up to twice as many, is read from it.
    """
    return initLevelMapper(
        _power(plan.strides[0]),
        _power(plan.strides[-1]),
        canonical_scale=(plan.region_cells or REGION_CELLS) * plan.strides[0],
        canonical_level=_power(plan.strides[0]),
    )


def _power(stride: int) -> int:
    return round(math.log2(stride))


def _sample(proposed: Tensor, target: Target) -> Sample:
    """Regions to learn from: proposals, and the objects themselves, so that there are some."""
    regions = torch.cat([proposed, target.boxes])
    places = match_anchors(regions, target, background=_OBJECT, object_=_OBJECT)
    chosen = sampled(places, SAMPLED, _SHARE_OF_OBJECTS)
    return Sample(regions[chosen], places[chosen])


def _truth(places: Tensor, classes: Tensor) -> Tensor:
    """The class of each region, 0 being background: int64, regions."""
    truth = torch.zeros_like(places)
    truth[places >= 0] = classes[places[places >= 0]] + 1
    return truth

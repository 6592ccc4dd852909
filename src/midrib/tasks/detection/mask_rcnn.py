"""Mask R-CNN: He et al., arXiv 1703.06870, with torchvision's heads.

regions ─▶ objects, chosen in the graph ─▶ a mask of each, 28 × 28 within its box
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import nms, roi_align

from midrib.backbones import Backbone
from midrib.packages.card import MASKS_OUTPUT
from midrib.postprocessing import Suppression
from midrib.tasks.detection.faster_rcnn import FasterRcnn
from midrib.tasks.detection.interface import Seen, plan_of
from midrib.tasks.detection.r_fcn import numbered
from midrib.tasks.detection.targets import Target
from midrib.tasks.detection.two_stage import Regions, Sample, levels_of, surest
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import DetectionPlan

_CELLS = 14
_SAMPLES = 2
_LAYERS = 4  # figure 4 of the paper
MASK_CELLS = 2 * _CELLS
"""Rows and columns of a mask within its box."""

MOST_DRAWN = 32
"""Objects' regions of one picture that masks are learnt from: each costs as much as many boxes."""

_NOT_CHOSEN = -1.0


class MaskRcnn(FasterRcnn):
    """A Faster R-CNN that draws the objects that it finds.

    Only objects are drawn, so that they are chosen in the graph, by ``suppression``; what is
    answered are as many candidates as there are objects.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides, channels, anchors and the levels of regions.
        box_loss: of the boxes of both stages, by name.
    """

    outputs = (*FasterRcnn.outputs, MASKS_OUTPUT)
    mask_cells = MASK_CELLS

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, box_loss: str
    ) -> None:
        super().__init__(backbone, classes, plan, box_loss=box_loss)
        self._levels = levels_of(plan)
        self.mask_head = nn.Sequential(
            MaskRCNNHeads(plan.channels, (plan.channels,) * _LAYERS, 1),
            MaskRCNNPredictor(plan.channels, plan.channels, classes),
        )

    def see(self, pictures: Tensor) -> Seen:
        maps, embedding = self.maps(pictures)
        proposed = self.proposals.propose(self.proposals(maps))
        candidates = surest(*self._candidates(maps, proposed))
        objects = [
            _objects(boxes, scores, self.suppression)
            for boxes, scores in zip(*candidates, strict=True)
        ]
        boxes, scores = [each for each, _ in objects], [each for _, each in objects]
        drawn = torch.sigmoid(self.draw(maps, boxes, torch.cat(scores).argmax(dim=1)))
        masks = [drawn] if len(boxes) == 1 else torch.split(drawn, [len(each) for each in boxes])
        return Seen(_padded(boxes), _padded(scores), embedding, _padded(masks))

    def draw(self, maps: Sequence[Tensor], regions: Regions, classes: Tensor) -> Tensor:
        """Logits of the masks of the regions of all pictures: float32, regions × 28 × 28.

        ``classes``: int64, regions: whose masks they are.
        """
        logits: Tensor = self.mask_head(self._read(maps, regions)).float()
        own = classes[:, None, None, None].expand(-1, 1, MASK_CELLS, MASK_CELLS)
        return logits.gather(1, own)[:, 0]

    def _read(self, maps: Sequence[Tensor], regions: Regions) -> Tensor:
        """The regions' own levels at 14 × 14 places: float, regions × channels × 14 × 14.

        As torchvision's MultiScaleRoIAlign, which does not export for as many as are found.
        """
        rows, levels = numbered(regions), self._levels(list(regions))
        read = maps[0].new_zeros((rows.shape[0], self.plan.channels, _CELLS, _CELLS))
        for level, (own, stride) in enumerate(zip(maps, self.plan.strides, strict=True)):
            chosen = torch.where(levels == level)[0]
            part = roi_align(own, rows[chosen].to(own), _CELLS, 1 / stride, _SAMPLES)
            read = read.index_copy(0, chosen, part)
        return read

    def _region_losses(
        self, maps: Sequence[Tensor], samples: Sequence[Sample], targets: Sequence[Target]
    ) -> dict[str, Tensor]:
        losses = super()._region_losses(maps, samples, targets)
        each = [_drawable(*pair) for pair in zip(samples, targets, strict=True)]
        classes = torch.cat([target.classes[places] for _, places, target in each])
        truth = torch.cat([masks_within(*one) for one in each])
        logits = self.draw(maps, [regions for regions, _, _ in each], classes)
        drawn = functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")
        return {**losses, "masks": drawn / max(1, truth.numel())}


def masks_within(regions: Tensor, places: Tensor, target: Target) -> Tensor:
    """The true masks within regions: float32, regions × 28 × 28, the share of each cell.

    torchvision's own takes a pixel's index for its centre, half a pixel beside it. Where no mask
    is known there are no regions.

    Args:
        regions: float32, regions × 4 (left, top, right, bottom) in pixels of the input.
        places: int64, regions: the object of each.
        target: objects with their masks.
    """
    if target.masks is None:
        return regions.new_zeros((0, MASK_CELLS, MASK_CELLS))
    own = torch.cat([places[:, None].to(regions), regions], dim=1)
    masks = target.masks[:, None].to(regions)
    read: Tensor = roi_align(masks, own, MASK_CELLS, 1.0, aligned=True)
    return read[:, 0]


def _drawable(sample: Sample, target: Target) -> tuple[Tensor, Tensor, Target]:
    """Regions to learn masks from, and the object of each; none where no mask is known."""
    regions, places = sample.of_objects
    most = 0 if target.masks is None else MOST_DRAWN
    return regions[:most], places[:most], target


def _objects(boxes: Tensor, scores: Tensor, recipe: Suppression) -> tuple[Tensor, Tensor]:
    """The candidates of one picture that `midrib.postprocessing.suppress` would answer.

    Args:
        boxes: float32, candidates × 4.
        scores: float32, candidates × classes.
        recipe: the thresholds.

    Returns:
        Their boxes and scores, surest first; as many as there are.
    """
    sure, classes = scores.max(dim=1)
    sure, places = sure.topk(min(recipe.most_candidates, len(sure)))
    # A place of its own for each class, so that none covers another's.
    apart = boxes[places] + (classes[places] * 2 * boxes.max())[:, None]
    kept = nms(apart, sure, recipe.most_overlap)
    standing = torch.full_like(sure, _NOT_CHOSEN).scatter(0, kept, sure[kept])
    top, again = standing.topk(min(recipe.most_objects, len(standing)))
    chosen = places[again[top >= recipe.least_score]]
    return boxes[chosen], scores[chosen]


def _padded(rows: Sequence[Tensor]) -> Tensor:
    """Objects of pictures, objects × …, as count × objects × …, zeros where one has fewer."""
    return rows[0][None] if len(rows) == 1 else pad_sequence(list(rows), batch_first=True)


def mask_rcnn(request: ModelRequest) -> MaskRcnn:
    """The model of the algorithm of that name."""
    return MaskRcnn(
        request.backbone,
        request.classes,
        plan_of(request),
        box_loss=request.options["box_loss"],
    )

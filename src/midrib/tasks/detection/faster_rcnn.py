"""Faster R-CNN: Ren et al., arXiv 1506.01497, with torchvision's heads.

Over a pyramid, as Lin et al. have it (arXiv 1612.03144).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign

from midrib.backbones import Backbone
from midrib.tasks.detection.interface import plan_of
from midrib.tasks.detection.two_stage import Regions, TwoStageDetector, levels_of
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import DetectionPlan

_CELLS = 7
_SAMPLES = 2
_FEATURES = 1024


class FasterRcnn(TwoStageDetector):
    """Each region is read at 7 × 7 places and looked at by two large layers.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: strides, channels, anchors and the levels of regions.
        box_loss: of the boxes of both stages, by name.
    """

    def __init__(
        self, backbone: Backbone, classes: int, plan: DetectionPlan, *, box_loss: str
    ) -> None:
        super().__init__(backbone, classes, plan, box_loss=box_loss)
        self.pool = region_pool(plan, _CELLS)
        self.head = nn.Sequential(
            TwoMLPHead(plan.channels * _CELLS**2, _FEATURES),
            FastRCNNPredictor(_FEATURES, classes + 1),
        )

    def look(self, maps: Sequence[Tensor], regions: Regions) -> tuple[Tensor, Tensor]:
        logits, codes = self.head(pooled(self.pool, maps, regions))
        return logits.float(), codes.float().reshape(len(codes), -1, 4)


def region_pool(plan: DetectionPlan, cells: int) -> MultiScaleRoIAlign:
    """Reads regions at ``cells`` × ``cells`` places of the level that is theirs."""
    names = [str(place) for place in range(len(plan.strides))]
    pool = MultiScaleRoIAlign(names, cells, _SAMPLES)
    # Told beforehand: what it would measure at the first picture cannot be exported.
    pool.scales = [1 / stride for stride in plan.strides]
    pool.map_levels = levels_of(plan)
    return pool


def pooled(pool: MultiScaleRoIAlign, maps: Sequence[Tensor], regions: Regions) -> Tensor:
    """What ``pool`` reads: float, regions of all pictures × channels × cells × cells."""
    named = {str(place): each for place, each in enumerate(maps)}
    read: Tensor = pool(named, list(regions), [])
    return read


def faster_rcnn(request: ModelRequest) -> FasterRcnn:
    """The model of the algorithm of that name."""
    return FasterRcnn(
        request.backbone,
        request.classes,
        plan_of(request),
        box_loss=request.options["box_loss"],
    )

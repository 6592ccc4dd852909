"""R-FCN: Dai et al., arXiv 1605.06409, over a pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from midrib.backbones import Backbone
from midrib.tasks.detection.interface import plan_of
from midrib.tasks.detection.two_stage import Regions, TwoStageDetector, levels_of
from midrib.tasks.interface import ModelRequest
from midrib.tasks.plan import DetectionPlan

CELLS = 7
"""Parts of a region along a side: 'k' of the paper."""

_SAMPLES = 2
_CODES = 4


class RFcn(TwoStageDetector):
    """Maps that know where in an object they are; a region takes each part from its own maps.

    All layers are convolutions over whole maps: a region costs no more than its reading.

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
        outputs = CELLS**2 * (1 + classes + _CODES)
        self.head = nn.Sequential(
            nn.Conv2d(plan.channels, plan.channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(plan.channels, outputs, 1),
        )
        self._levels = levels_of(plan)

    def look(self, maps: Sequence[Tensor], regions: Regions) -> tuple[Tensor, Tensor]:
        rows = numbered(regions)
        levels = self._levels(list(regions))
        votes = rows.new_zeros((len(rows), 1 + self.classes + _CODES))
        for level, (own, stride) in enumerate(zip(maps, self.plan.strides, strict=True)):
            chosen = torch.where(levels == level)[0]
            read = read_by_position(self.head(own).float(), rows[chosen], CELLS, stride)
            votes = votes.index_copy(0, chosen, read.mean(dim=(2, 3)))
        return votes[:, :-_CODES], votes[:, None, -_CODES:]


def numbered(regions: Regions) -> Tensor:
    """Regions of all pictures: float32, regions × 5, the first being the picture's number."""
    rows = [
        torch.cat([torch.full_like(each[:, :1], number), each], dim=1)
        for number, each in enumerate(regions)
    ]
    return torch.cat(rows)


def read_by_position(maps: Tensor, regions: Tensor, cells: int, stride: int) -> Tensor:
    """Each part of a region from the channels that are its own: section 2.2, equation 1.

    torchvision's ps_roi_align, written as RoIAlign so that it exports: the channels of a part are
    taken for a picture of their own, and each part of a region for a region of that picture.

    Args:
        maps: float32, count × (parts × channels) × height × width; parts row by row.
        regions: float32, regions × 5 (number of the picture, left, top, right, bottom) in pixels.
        cells: parts along a side.
        stride: of the maps, in pixels.

    Returns:
        float32, regions × channels × cells × cells.
    """
    parts = cells**2
    as_pictures = maps.reshape(-1, maps.shape[1] // parts, *maps.shape[2:])
    number, low, high = regions[:, :1], regions[:, None, 1:3], regions[:, None, 3:]
    place = torch.arange(parts, device=maps.device)
    corner = torch.stack([place % cells, place // cells], dim=1)
    step = (high - low) / cells
    own = torch.cat(
        [(number * parts + place)[..., None], low + corner * step, low + (corner + 1) * step], dim=2
    )
    read = roi_align(
        as_pictures, own.flatten(0, 1), 1, 1 / stride, sampling_ratio=_SAMPLES, aligned=True
    )
    by_part: Tensor = read.view(regions.shape[0], cells, cells, as_pictures.shape[1])
    return by_part.permute(0, 3, 1, 2)


def r_fcn(request: ModelRequest) -> RFcn:
    """The model of the algorithm of that name."""
    return RFcn(
        request.backbone,
        request.classes,
        plan_of(request),
        box_loss=request.options["box_loss"],
    )

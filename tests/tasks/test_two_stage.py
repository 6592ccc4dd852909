from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import ps_roi_align

from midrib.backbones import create_backbone
from midrib.postprocessing import Suppression, matched, suppress
from midrib.records import Found
from midrib.tasks import derive_plan
from midrib.tasks.detection import Target
from midrib.tasks.detection.faster_rcnn import FasterRcnn
from midrib.tasks.detection.matching import BACKGROUND, IGNORED
from midrib.tasks.detection.proposals import Counts
from midrib.tasks.detection.r_fcn import read_by_position
from midrib.tasks.detection.sampling import sampled
from midrib.tasks.detection.two_stage import _sample, levels_of, surest

SIDE = 128
LEVELS = [(4, 64), (8, 128), (16, 256), (32, 512)]
PLAN = derive_plan(
    np.zeros((0, 2), np.float32),
    (SIDE, SIDE),
    LEVELS,
    name="resnet18",
    strides=(4, 8, 16, 32),
    sizes=(16.0, 24.0),
    region_cells=14,
)


class OurAnchors(AnchorGenerator):  # type: ignore[misc]  # torchvision carries no types
    """Those of torchvision stand on the corners of cells, ours in their middle."""

    def __init__(self, anchors: Tensor) -> None:
        super().__init__(PLAN.sizes, (PLAN.ratios,) * len(PLAN.sizes))
        self.all = anchors

    def forward(self, pictures: ImageList, _: list[Tensor]) -> list[Tensor]:
        return [self.all] * len(pictures.image_sizes)


def torchvisions(ours: FasterRcnn, kept: int) -> FasterRCNN:
    """The Faster R-CNN of torchvision on ResNet-18, with the weights of ``ours``."""
    body = resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    body.fpn.extra_blocks = None
    body.fpn = ours.neck
    classes = ours.classes + 1
    features = PLAN.channels * 49
    theirs = FasterRCNN(
        body,
        num_classes=None,
        min_size=SIDE,
        max_size=SIDE,
        image_mean=ours.mean.flatten().tolist(),
        image_std=ours.std.flatten().tolist(),
        rpn_anchor_generator=OurAnchors(ours.proposals.anchors),
        rpn_head=ours.proposals.head,
        rpn_pre_nms_top_n_test=1000,
        rpn_post_nms_top_n_test=kept,
        box_head=TwoMLPHead(features, 1024),
        box_predictor=FastRCNNPredictor(1024, classes),
    )
    theirs.backbone.body.load_state_dict(ours.backbone.model.state_dict())
    theirs.roi_heads.box_head.load_state_dict(ours.head[0].state_dict())
    theirs.roi_heads.box_predictor.load_state_dict(ours.head[1].state_dict())
    return theirs.eval()


@pytest.mark.parametrize("kept", [50, 1000])
def test_boxes_are_those_of_torchvisions_own(kept: int) -> None:
    """With the same weights torchvision's Faster R-CNN finds the same objects, one for one."""
    torch.manual_seed(0)
    backbone = create_backbone("torchvision:resnet18", weights="none", size=SIDE)
    ours = FasterRcnn(backbone, 3, PLAN, box_loss="smooth-l1").eval()
    ours.proposals.answering = Counts(1000, kept)
    pictures = torch.randint(0, 256, (2, SIDE, SIDE, 3), dtype=torch.uint8)
    with torch.inference_mode():
        seen = ours(pictures)
        expected = torchvisions(ours, kept)(list(pictures.permute(0, 3, 1, 2).float() / 255))
    for boxes, scores, theirs in zip(seen.boxes, seen.scores, expected, strict=True):
        found = suppress(boxes.numpy(), scores.numpy(), Suppression())
        promised = Found(
            theirs["boxes"].numpy(), theirs["scores"].numpy(), theirs["labels"].numpy() - 1
        )
        assert len(found.scores) == len(promised.scores) > 10
        places = matched(promised, found, least=0.999)
        assert (places >= 0).all()
        np.testing.assert_allclose(promised.scores, found.scores[places], atol=1e-5)


@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from([4, 8]))
def test_parts_are_read_as_torchvision_reads_them(seed: int, cells: int, stride: int) -> None:
    """RoIAlign over rearranged channels is torchvision's ps_roi_align, at the border too."""
    random = torch.Generator().manual_seed(seed)
    channels, rows, columns = 3, 9, 11
    maps = torch.randn(2, channels * cells**2, rows, columns, generator=random)
    low = torch.rand(6, 2, generator=random) * torch.tensor([columns, rows]) * stride
    sides = torch.rand(6, 2, generator=random) * 40 + 0.1
    number = torch.randint(0, 2, (6, 1), generator=random)
    regions = torch.cat([number, low, low + sides], dim=1)
    read = read_by_position(maps, regions, cells, stride)
    # torchvision has the parts of each channel together, we the channels of each part.
    theirs = maps.unflatten(1, (cells**2, channels)).transpose(1, 2).flatten(1, 2)
    expected = ps_roi_align(theirs, regions, cells, 1 / stride, sampling_ratio=2)
    torch.testing.assert_close(read, expected, rtol=1e-4, atol=1e-4)


@given(st.lists(st.sampled_from([IGNORED, BACKGROUND, 0, 1, 2]), max_size=40), st.integers(1, 30))
def test_samples_hold_objects_up_to_their_share(places: list[int], most: int) -> None:
    """No more than asked for, none that is ignored, objects first, none twice."""
    told = torch.tensor(places, dtype=torch.int64)
    chosen = sampled(told, most, 0.25)
    objects = int((told >= 0).sum())
    background = int((told == BACKGROUND).sum())
    expected = min(objects, int(most * 0.25))
    assert (told[chosen] >= 0).tolist() == sorted((told[chosen] >= 0).tolist(), reverse=True)
    assert int((told[chosen] >= 0).sum()) == expected
    assert len(chosen) == expected + min(background, most - expected)
    assert len(set(chosen.tolist())) == len(chosen)
    assert (told[chosen] != IGNORED).all()


def test_what_a_crowd_covers_is_not_learnt_from() -> None:
    """A proposal within a crowd is no background, and an object is a region of its own."""
    proposed = torch.tensor([[0.0, 0, 10, 10], [60, 60, 70, 70]])
    own = torch.tensor([[30.0, 30, 50, 50]])
    target = Target(own, torch.tensor([1]), torch.tensor([[0.0, 0, 20, 20]]))
    sample = _sample(proposed, target)
    assert sample.regions.tolist() == [[30, 30, 50, 50], [60, 60, 70, 70]]
    assert sample.places.tolist() == [0, BACKGROUND]


def test_regions_are_read_where_they_span_enough_cells() -> None:
    """14 cells up to 28 as in the paper; smaller from the finest map, larger from the last."""
    sides = torch.tensor([5.0, 56, 111, 113, 223, 225, 447, 449, 2000])
    boxes = torch.stack([torch.zeros(9), torch.zeros(9), sides, sides], dim=1)
    assert levels_of(PLAN)([boxes]).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3]
    assert "up to 112 pixels from stride 4" in "\n".join(PLAN.lines())


def test_the_surest_pairs_of_region_and_class_are_answered() -> None:
    """Suppression finds the same objects in the pairs that are kept as in all of them."""
    torch.manual_seed(0)
    low = torch.rand(1, 700, 3, 2) * 300
    boxes = torch.cat([low, low + 10 + torch.rand_like(low) * 40], dim=3)
    scores = torch.softmax(torch.randn(1, 700, 4) * 3, dim=2)[..., 1:]
    [kept], [sure] = surest(boxes, scores)
    assert kept.shape == (1000, 4)
    every = boxes[0].flatten(0, 1).numpy()
    own = (torch.eye(3)[None] * scores[0][..., None]).flatten(0, 1).numpy()
    expected = suppress(every, own, Suppression())
    found = suppress(kept.numpy(), sure.numpy(), Suppression())
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)

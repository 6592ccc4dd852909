from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.ops import box_iou

from midrib.backbones import create_backbone
from midrib.tasks import ALGORITHMS, ModelRequest, derive_plan, make_model
from midrib.tasks.box_losses import BOX_LOSSES
from midrib.tasks.detection import Detector, Target
from midrib.tasks.detection.coding import decode, encode
from midrib.tasks.detection.matching import BACKGROUND, IGNORED, match_anchors
from midrib.tasks.detection.scoring import Losses

DETECTORS = [name for name in ALGORITHMS if ALGORITHMS.get(name).task == "detection"]
_NO_BOXES = torch.zeros(0, 4)


def boxes(draw: st.DrawFn, least: int) -> torch.Tensor:
    drawn = draw(
        st.lists(st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 30)] * 2), min_size=least)
    )
    corners = torch.tensor(drawn, dtype=torch.float32).reshape(-1, 4)
    return torch.cat([corners[:, :2], corners[:, :2] + corners[:, 2:]], dim=1)


@st.composite
def anchors_and_boxes(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    return boxes(draw, 1), boxes(draw, 1)


@given(anchors_and_boxes())
def test_anchors_match_as_torchvision_matches(
    given_: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Objects, background and what lies between are those of torchvision's matcher.

    But for anchors that are the best of an object: torchvision gives them whatever they overlap
    most, we give them that object.
    """
    anchors, true = given_
    target = Target(true, torch.zeros(len(true), dtype=torch.int64), _NO_BOXES)
    found = match_anchors(anchors, target, background=0.4, object_=0.5)
    expected = Matcher(0.5, 0.4, allow_low_quality_matches=False)(box_iou(true, anchors))
    overlap = box_iou(true, anchors)
    most = overlap.max(dim=1, keepdim=True).values
    is_best = ((overlap == most) & (most > 0)).any(dim=0)
    assert torch.equal(found[~is_best], expected[~is_best])
    assert (found[is_best] >= 0).all()


@given(anchors_and_boxes())
def test_codes_are_torchvisions_and_go_back(given_: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Encoded boxes are torchvision's, and decoding gives the boxes again."""
    count = min(len(each) for each in given_)
    anchors, true = (each[:count] for each in given_)
    codes = encode(anchors, true)
    coder = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
    torch.testing.assert_close(codes, coder.encode_single(true, anchors), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(decode(anchors, codes), true, rtol=1e-4, atol=1e-3)


def test_what_lies_in_a_crowd_is_ignored() -> None:
    """Anchors in a crowd are neither background nor object; an object there is one still."""
    anchors = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]])
    crowd = torch.tensor([[0.0, 0, 32, 32]])
    target = Target(anchors[:1], torch.zeros(1, dtype=torch.int64), crowd)
    found = match_anchors(anchors, target, background=0.4, object_=0.5)
    assert found.tolist() == [0, IGNORED, BACKGROUND]


@pytest.mark.parametrize("name", list(BOX_LOSSES))
def test_box_losses_are_least_at_the_truth(name: str) -> None:
    """Each is 0 for the true box, more for one beside it, and pulls the box towards the truth."""
    true = torch.tensor([[10.0, 10, 30, 40]])
    anchors = torch.tensor([[12.0, 8, 33, 35]])
    loss = Losses("focal", name).boxes
    assert loss(true, true, anchors).item() == pytest.approx(0, abs=1e-5)
    beside = (true + torch.tensor([4.0, 4, 4, 4])).requires_grad_()
    value = loss(beside, true, anchors)
    value.backward()
    assert value.item() > 0.01
    assert (beside.grad > 0).all()


def detector(name: str, **options: object) -> Detector:
    backbone = create_backbone("timm:test_resnet", weights="none", size=64)
    levels = [(level.stride, level.channels) for level in backbone.facts.levels]
    plan = derive_plan(np.zeros((0, 2), np.float32), (64, 64), levels, name="test")
    usual = {"loss": "focal", "box_loss": "giou"}
    model = make_model(name, ModelRequest(backbone, 2, plan, usual | options))
    assert isinstance(model, Detector)
    return model


@pytest.mark.parametrize("name", DETECTORS)
def test_pictures_without_objects_are_learnt_from(name: str) -> None:
    """A batch of empty pictures has a finite loss that moves the head, and so has a mixed one."""
    torch.manual_seed(0)
    model = detector(name)
    pictures = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    empty = Target(_NO_BOXES, torch.zeros(0, dtype=torch.int64), _NO_BOXES)
    one = Target(torch.tensor([[8.0, 8, 40, 40]]), torch.tensor([1]), _NO_BOXES)
    for targets in ([empty, empty], [one, empty]):
        model.zero_grad()
        total = sum(model(pictures, targets).values())
        assert torch.isfinite(total)
        total.backward()
        gradients = [each.grad for each in model.head.parameters() if each.grad is not None]
        assert any(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_answer_in_pixels_of_the_input(name: str) -> None:
    """Boxes, scores and embedding are those of the promise, each picture's its own."""
    torch.manual_seed(0)
    model = detector(name).eval()
    pictures = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        seen, alone = model(pictures), model(pictures[1:2])
    assert seen.boxes.shape[::2] == (3, 4)
    assert seen.scores.shape == (*seen.boxes.shape[:2], 2)
    assert seen.embedding.shape == (3, model.embedding_size)
    assert 0 <= seen.scores.min() <= seen.scores.max() <= 1
    torch.testing.assert_close(seen.boxes[1:2], alone.boxes, rtol=1e-4, atol=1e-3)

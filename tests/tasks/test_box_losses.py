from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou

from midrib.errors import UnknownNameError
from midrib.tasks.box_losses import BOX_LOSSES, OVERLAPPING, SCORE_LOSSES


def _boxes(seed: int, count: int = 50) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * 80
    return torch.cat([low, low + 2 + torch.rand(count, 2, generator=generator) * 60], dim=1)


@pytest.mark.parametrize("name", list(BOX_LOSSES))
def test_equal_boxes_cost_nothing_and_moved_ones_do(name: str) -> None:
    """A box loss is 0 for the truth, positive beside it, and grows with the distance."""
    loss, truth = BOX_LOSSES.get(name), _boxes(0)
    assert loss(truth, truth) == pytest.approx(torch.zeros(50), abs=1e-5)
    near, far = loss(truth + 0.5, truth), loss(truth + 1.5, truth)
    assert near.shape == (50,)
    assert (near > 0).all()
    assert (far > near).all()


def test_overlaps_are_those_of_torchvision() -> None:
    """IoU and GIoU losses are one minus what torchvision computes for the pairs."""
    boxes, truth = _boxes(1), _boxes(2)
    assert torch.allclose(
        BOX_LOSSES.get("iou")(boxes, truth), 1 - box_iou(boxes, truth).diag(), atol=1e-5
    )
    assert torch.allclose(
        BOX_LOSSES.get("giou")(boxes, truth),
        1 - generalized_box_iou(boxes, truth).diag(),
        atol=1e-5,
    )


def test_distance_and_proportion_cost_more() -> None:
    """DIoU adds the distance of centres, CIoU the proportions too: their papers' formulas."""
    boxes, truth = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[5.0, 0, 25, 10]])
    shared, union = 5 * 10, 10 * 20 + 20 * 10 - 5 * 10
    distance = ((5 - 15) ** 2 + (10 - 5) ** 2) / (25**2 + 20**2)
    diou = 1 - shared / union + distance
    angle = (torch.atan(torch.tensor(2.0)) - torch.atan(torch.tensor(0.5))) * 2 / torch.pi
    proportion = float(angle**2)
    ciou = diou + proportion**2 / (1 - shared / union + proportion)
    assert float(BOX_LOSSES.get("diou")(boxes, truth)) == pytest.approx(diou, abs=1e-5)
    assert float(BOX_LOSSES.get("ciou")(boxes, truth)) == pytest.approx(ciou, abs=1e-5)


@pytest.mark.parametrize("name", list(BOX_LOSSES))
@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 1e4])
def test_box_losses_stay_finite(name: str, scale: float) -> None:
    """No box without area, turned round, tiny or far away makes a loss or a gradient NaN."""
    if name not in OVERLAPPING and scale == 0.0:
        scale = 1e6
    boxes = torch.cat([_boxes(3) * scale, _boxes(4)[:, [2, 3, 0, 1]]]).requires_grad_()
    truth = torch.cat([_boxes(5) * scale, _boxes(6)])
    loss = BOX_LOSSES.get(name)(boxes, truth)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert boxes.grad is not None
    assert torch.isfinite(boxes.grad).all()


def test_score_losses_are_their_formulas() -> None:
    """Cross-entropy of a sigmoid, and the same times 0.25 (1 - p)^2 or 0.75 p^2 for focal."""
    logits = torch.linspace(-6, 6, 25)
    for truth in (torch.zeros(25), torch.ones(25)):
        right = torch.where(truth == 1, torch.sigmoid(logits), torch.sigmoid(-logits))
        entropy = SCORE_LOSSES.get("cross-entropy")(logits, truth)
        assert torch.allclose(entropy, -right.log(), atol=1e-5)
        share = torch.where(truth == 1, 0.25, 0.75)
        focal = SCORE_LOSSES.get("focal")(logits, truth)
        assert torch.allclose(focal, share * (1 - right) ** 2 * entropy, atol=1e-5)


@pytest.mark.parametrize("name", list(SCORE_LOSSES))
def test_score_losses_stay_finite(name: str) -> None:
    """Logits of a thousand either way give finite losses and gradients."""
    logits = torch.tensor([-1e3, -50.0, 0.0, 50.0, 1e3]).repeat(2).requires_grad_()
    loss = SCORE_LOSSES.get(name)(logits, torch.tensor([0.0, 1.0]).repeat_interleave(5))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_misspelt_loss_gets_the_nearest() -> None:
    """'gio' is refused, with what was meant."""
    with pytest.raises(UnknownNameError, match="unknown box loss 'gio'"):
        BOX_LOSSES.get("gio")

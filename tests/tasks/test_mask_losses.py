from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from midrib.errors import UnknownNameError, UsageError
from midrib.records import IGNORED
from midrib.tasks.mask_losses import MASK_LOSSES, create_mask_loss


def _truth(seed: int = 0) -> Tensor:
    """Two maps of 12 × 16 in three classes, coarse enough to have an inside."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 3, (2, 3, 4), generator=generator)
    return coarse.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)


def _logits(seed: int = 1) -> Tensor:
    return torch.randn(2, 3, 12, 16, generator=torch.Generator().manual_seed(seed))


def _sure(truth: Tensor, size: float = 12.0) -> Tensor:
    return functional.one_hot(truth, 3).permute(0, 3, 1, 2) * size


@pytest.mark.parametrize("name", [*MASK_LOSSES, "dice+cross-entropy", "lovasz+focal"])
def test_the_better_answer_costs_less(name: str) -> None:
    """A mask loss is near 0 for the truth and falls as the answer nears it."""
    loss, truth = create_mask_loss(name), _truth()
    steps = [_sure(truth) * share + _logits() * (1 - share) for share in (0.0, 0.2, 0.5, 1.0)]
    costs = [float(loss(step, truth)) for step in steps]
    assert all(after < before for before, after in pairwise(costs))
    assert costs[-1] < 0.01


@pytest.mark.parametrize("name", [*MASK_LOSSES, "dice+cross-entropy"])
def test_unknown_pixels_count_neither_way(name: str) -> None:
    """What is answered where nothing is known changes neither the loss nor gets a gradient."""
    loss, truth = create_mask_loss(name), _truth()
    truth[:, :5] = IGNORED
    logits, other = _logits().requires_grad_(), _logits()
    other[:, :, :5] = 7 * _logits(2)[:, :, :5]
    cost = loss(logits, truth)
    assert float(cost.detach()) == pytest.approx(float(loss(other, truth)), abs=1e-6)
    cost.backward()
    assert logits.grad is not None
    assert not logits.grad[:, :, :5].any()
    assert logits.grad[:, :, 5:].any()


@pytest.mark.parametrize("name", [*MASK_LOSSES, "lovasz+dice"])
@pytest.mark.parametrize("size", [0.0, 1e4])
def test_mask_losses_stay_finite(name: str, size: float) -> None:
    """Wholly wrong and sure, undecided, or nothing known: no NaN in loss or gradient."""
    truth = _truth()
    for told in (truth, torch.full_like(truth, IGNORED), torch.zeros_like(truth)):
        logits = _sure((truth + 1) % 3, size).requires_grad_()
        cost = create_mask_loss(name)(logits, told)
        cost.backward()
        assert torch.isfinite(cost)
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
        if bool((told == IGNORED).all()):
            assert float(cost.detach()) == 0


def test_cross_entropy_is_that_of_torch() -> None:
    """With class weights and unknown pixels it is torch's own."""
    truth, weights = _truth(), torch.tensor([0.2, 1.0, 3.0])
    truth[0, :4] = IGNORED
    told = functional.cross_entropy(_logits(), truth, weights, ignore_index=IGNORED)
    assert float(create_mask_loss("cross-entropy", weights=weights)(_logits(), truth)) == (
        pytest.approx(float(told), abs=1e-5)
    )


def test_dice_is_its_formula() -> None:
    """Twice what is shared over the sum, with one added to either, class by class."""
    truth, answer = _truth(), torch.softmax(_logits(), dim=1)
    each = []
    for place in range(3):
        true, told = (truth == place).float(), answer[:, place]
        each.append(1 - (2 * (true * told).sum() + 1) / (true.sum() + told.sum() + 1))
    assert float(create_mask_loss("dice")(_logits(), truth)) == (
        pytest.approx(float(torch.stack(each).mean()), abs=1e-5)
    )


def test_lovasz_of_decided_pixels_is_one_minus_iou() -> None:
    """At the corners of the cube the Lovász extension is the Jaccard loss itself."""
    truth, decided = _truth(), _truth(5)
    each = [
        1
        - ((truth == place) & (decided == place)).sum()
        / ((truth == place) | (decided == place)).sum()
        for place in range(3)
    ]
    told = float(create_mask_loss("lovasz")(_sure(decided, 1e3), truth))
    assert told == pytest.approx(float(torch.stack(each).mean()), abs=1e-5)


def test_pixels_at_a_boundary_count_more() -> None:
    """An error beside another class costs more than the same error inside."""
    truth = torch.zeros(1, 20, 20, dtype=torch.int64)
    truth[:, :, 10:] = 1
    loss, costs = create_mask_loss("boundary-cross-entropy"), []
    for column, told in ((0, 0), (2, 1), (9, 1)):
        decided = truth.clone()
        decided[0, 5, column] = told
        logits = functional.one_hot(decided, 2).permute(0, 3, 1, 2) * 5.0
        costs.append(float(loss(logits, truth)))
    assert costs[2] - costs[0] == pytest.approx(5 * (costs[1] - costs[0]), rel=1e-3)


def test_class_weights_shift_the_cost() -> None:
    """With all weight on a class that is told rightly nothing is left to pay."""
    truth = _truth()
    logits = _sure(torch.where(truth == 0, 0, 3 - truth.clamp(min=1)))
    weights = torch.tensor([1.0, 0.0, 0.0])
    for name in MASK_LOSSES:
        assert float(create_mask_loss(name, weights=weights)(logits, truth)) < 0.01, name
        assert float(create_mask_loss(name)(logits, truth)) > 0.3, name


def test_names_that_cannot_be_meant_are_refused() -> None:
    """An unknown part and a part that comes twice are told."""
    with pytest.raises(UnknownNameError, match="unknown mask loss 'dise'"):
        create_mask_loss("dise+cross-entropy")
    with pytest.raises(UsageError, match="has a part twice"):
        create_mask_loss("dice+dice")

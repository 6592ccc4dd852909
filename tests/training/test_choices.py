"""Losses, optimizers and schedules by name, each with an observable effect."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from midrib.backbones import create_backbone
from midrib.errors import ConfigError, StorageError, UnknownNameError, UsageError
from midrib.tasks import LOSSES, Classifier, create_loss
from midrib.training import OPTIMIZERS, SCHEDULES, TrainConfig, resolve_device
from midrib.training.devices import create_fabric, resolve_precision
from midrib.training.learner import Learner
from midrib.training.optimizers import create_optimizer, rate_factor


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(create_backbone("efficientnet-lite0", weights="none"), 3, dropout=0.0)


@pytest.mark.parametrize("name", list(LOSSES))
def test_losses_fall_when_the_answer_gets_better(name: str) -> None:
    """Every loss is lower for a right answer than for a wrong one, and lower than for none."""
    loss, truth = create_loss(name), torch.tensor([0, 1])
    right, none, wrong = torch.eye(2) * 5, torch.zeros(2, 2), torch.eye(2).flip(0) * 5
    assert loss(right, truth) < loss(none, truth) < loss(wrong, truth)


def test_focal_is_cross_entropy_weighted_by_the_error() -> None:
    """Focal loss equals (1 - p)^2 times cross-entropy, picture by picture."""
    logits, truth = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    right = torch.softmax(logits, 1)[range(6), truth]
    expected = ((1 - right) ** 2 * functional.cross_entropy(logits, truth, reduction="none")).mean()
    torch.testing.assert_close(create_loss("focal")(logits, truth), expected)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_schedules_rise_then_never_rise_again(name: str) -> None:
    """The rate warms up to its peak and falls or stays from there."""
    config = TrainConfig(schedule=name, warmup=0.2)
    factors = [rate_factor(step, 100, config) for step in range(100)]
    assert factors[:21] == sorted(factors[:21])
    assert max(factors) <= 1
    assert factors[20:] == sorted(factors[20:], reverse=True)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_optimizers_learn_faster_in_the_head(name: str, classifier: Classifier) -> None:
    """Every optimizer takes the groups with the head's higher peak and undecayed biases."""
    config = TrainConfig(optimizer=name, learning_rate=1e-3, head_rate_factor=4)
    groups = create_optimizer(classifier, config).param_groups
    assert {group["peak"] for group in groups} == {1e-3, 4e-3}
    undecayed = [group for group in groups if group["weight_decay"] == 0]
    assert all(p.ndim == 1 for group in undecayed for p in group["params"])


def test_frozen_stages_stay_as_they_are() -> None:
    """A step moves nothing of a frozen stage: neither weights nor running statistics."""
    config = TrainConfig(device="cpu", size=32)
    model = Classifier(create_backbone("efficientnet-lite0", weights="none"), 3, dropout=0.0)
    model.freeze_stages(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pictures = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    learner = Learner(model, None, config, create_fabric(config))  # type: ignore[arg-type]
    learner.step((pictures, torch.tensor([0, 1, 2, 0])), 10)
    frozen = ("backbone.model.conv_stem", "backbone.model.bn1", "backbone.model.blocks.0")
    after = model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not [name for name in moved if name.startswith(frozen)]
    assert "head.weight" in moved


def test_unknown_names_are_refused() -> None:
    """A misspelt loss, backbone, timm model or option is answered with the nearest name."""
    with pytest.raises(UnknownNameError, match="cross-entropy"):
        create_loss("cross-entropie")
    with pytest.raises(UnknownNameError, match="efficientnet-lite0"):
        create_backbone("efficientnet-lite9")
    with pytest.raises(UnknownNameError, match="resnet18"):
        create_backbone("timm:resnet-18", weights="none")
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        TrainConfig(epoch=3)


def test_weights_of_another_backbone_are_refused(tmp_path: object) -> None:
    """Tensors that do not fit are counted and the first is named."""
    from pathlib import Path

    from safetensors.torch import save_file

    file = Path(str(tmp_path)) / "other.safetensors"
    save_file({"conv_stem.weight": torch.zeros(1)}, file)
    with pytest.raises(StorageError, match=r"tensors missing, 1 of another shape"):
        create_backbone("efficientnet-lite0", weights=str(file))


def test_devices_that_are_not_there_are_refused() -> None:
    """A device this machine lacks is refused with those it has; auto takes one that is there."""
    assert resolve_precision("auto", resolve_device("cpu")) == "32-true"
    assert resolve_device("auto") in {"cpu", "cuda", "mps"}
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(UsageError, match="cpu"):
        resolve_device(missing)

"""Classification over every family of backbones."""

from __future__ import annotations

import pytest
import torch

from midrib.backbones import create_backbone
from midrib.tasks import Classifier
from midrib.training import TrainConfig
from midrib.training.devices import create_fabric
from midrib.training.learner import Learner

FAMILIES = {
    "alexnet": 64,
    "vgg16": 32,
    "resnet18": 32,
    "resnext50": 32,
    "googlenet": 32,
    "darknet19": 32,
    "mobilenet-v2": 32,
    "squeezenet-1.1": 32,
    "efficientnet-b0": 32,
    "efficientnet-lite0": 32,
    "shufflenet-v1": 32,
    "torchvision:swin_t": 32,
    "timm:test_vit": 64,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_one_step_moves_head_and_stem(name: str) -> None:
    """A step of training over any family gives a finite loss and moves first and last weights."""
    size = FAMILIES[name]
    config = TrainConfig(backbone=name, device="cpu", size=size)
    backbone = create_backbone(config.backbone, weights="none", size=size)
    model = Classifier(backbone, 3, dropout=0.0)
    first = next(each for each in backbone.parameters() if each.ndim == 4)
    before = [first.detach().clone(), model.head.weight.detach().clone()]
    pictures = torch.randint(0, 256, (4, size, size, 3), dtype=torch.uint8)
    learner = Learner(model, None, config, create_fabric(config))  # type: ignore[arg-type]
    loss, _ = learner.step((pictures, torch.tensor([0, 1, 2, 0])), 10)
    assert torch.isfinite(torch.as_tensor(loss)).all()
    after = [first.detach(), model.head.weight.detach()]
    assert not any(torch.equal(old, new) for old, new in zip(before, after, strict=True))

"""What a training step costs: our detectors against torchvision's own on the same backbone.

Both have ResNet-18 and a pyramid of 256 channels, as many anchors and as many regions to learn
from, and see the same pictures with the same boxes. Ours are laid out as our training lays them
out, theirs as their own does. A step is forward, backward and the optimizer.

Goal: ours takes at most 1.05 times as long.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN, resnet_fpn_backbone
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from benchmarks.harness import Goal, Results, Row, Spread, interleaved, paired, run
from midrib.backbones import create_backbone
from midrib.tasks import ALGORITHMS, DetectionPlan, ModelRequest, derive_plan, make_model
from midrib.tasks.detection import Target
from midrib.tasks.detection.proposals import LEARNING
from midrib.tasks.detection.two_stage import SAMPLED

BACKBONE = "resnet18"
CHANNELS = 256
CLASSES = 20
GOAL = 1.05
OURS, THEIRS = "midrib", "torchvision"

_LIBRARIES = ("torch", "torchvision")
_OBJECTS = 12
_RATE = 1e-4

Targets = list[dict[str, Tensor]]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    side: int
    batch: int
    rounds: int
    steps: int


FULL = Effort(side=512, batch=4, rounds=9, steps=3)
QUICK = Effort(side=128, batch=2, rounds=2, steps=1)


def measure(options: argparse.Namespace) -> Results:
    """Seconds of one training step, ours and torchvision's, round by round."""
    effort = QUICK if options.quick else FULL
    rows, goals = [], []
    for algorithm, reference in REFERENCES.items():
        found = _steps(algorithm, reference, effort)
        for candidate, seconds in found.items():
            shown = {"seconds a step": Spread.of(seconds)}
            if candidate == OURS:
                shown["times torchvision's"] = paired(found[OURS], found[THEIRS])
            rows.append(Row(algorithm, candidate, shown))
        ratio = paired(found[OURS], found[THEIRS]).median
        goals.append(Goal(f"{algorithm}: times torchvision's step", GOAL, ratio, "at most"))
    notes = [
        f"{effort.batch} pictures of {effort.side} × {effort.side} a step, {_OBJECTS} objects of "
        f"{CLASSES} classes in each; {BACKBONE}, random weights, {torch.get_num_threads()} threads"
    ]
    return Results(rows, goals, notes)


def _steps(
    algorithm: str, reference: Callable[[DetectionPlan], nn.Module], effort: Effort
) -> dict[str, list[float]]:
    plan = _plan(algorithm, effort.side)
    pictures, targets = _batch(effort)
    floats = [each.permute(2, 0, 1).float() / 255 for each in pictures]
    none = torch.zeros(0, 4)
    ours = [Target(each["boxes"], each["labels"] - 1, none) for each in targets]
    candidates = {
        OURS: _timed(_own(algorithm, plan), (pictures, ours), effort.steps),
        THEIRS: _timed(reference(plan), (floats, targets), effort.steps),
    }
    interleaved(candidates, 1)  # the first steps fill caches and allocate
    return interleaved(candidates, effort.rounds)


def _timed(model: nn.Module, batch: tuple[object, object], steps: int) -> Callable[[], float]:
    """A call that takes ``steps`` training steps and tells the mean seconds of one."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), _RATE)

    def call() -> float:
        started = time.perf_counter()
        for _ in range(steps):
            losses: Mapping[str, Tensor] = model(*batch)
            torch.autograd.backward(torch.stack(list(losses.values())).sum())
            optimizer.step()
            optimizer.zero_grad()
        return (time.perf_counter() - started) / steps

    return call


def _plan(algorithm: str, side: int) -> DetectionPlan:
    """The strides of torchvision's reference model, with anchors as many as it has."""
    two_stages = ALGORITHMS.get(algorithm).region_cells is not None
    first = 4 if two_stages else 8
    plan = derive_plan(
        np.zeros((0, 2), np.float32),
        (side, side),
        [(4, 64), (8, 128), (16, 256), (32, 512)],
        name=BACKBONE,
        strides=[first * 2**level for level in range(5)],
        sizes=(32.0,) if two_stages else (32.0, 40.3, 50.8),
        region_cells=ALGORITHMS.get(algorithm).region_cells,
    )
    return plan.model_copy(update={"channels": CHANNELS})


def _own(algorithm: str, plan: DetectionPlan) -> nn.Module:
    backbone = create_backbone(f"torchvision:{BACKBONE}", weights="none", size=plan.height)
    defaults = {"loss": "focal", "box_loss": "smooth-l1"}
    model = make_model(algorithm, ModelRequest(backbone, CLASSES, plan, defaults))
    # As training lays its weights out: pictures come in that layout, and convolutions keep it.
    return model.to(memory_format=torch.channels_last)


def _faster_rcnn(plan: DetectionPlan) -> nn.Module:
    model: nn.Module = FasterRCNN(
        _body(),
        num_classes=CLASSES + 1,
        min_size=plan.height,
        max_size=plan.width,
        rpn_anchor_generator=_anchors(plan),
        rpn_pre_nms_top_n_train=LEARNING.a_level,
        rpn_post_nms_top_n_train=LEARNING.kept,
        box_batch_size_per_image=SAMPLED,
    )
    return model


def _retinanet(plan: DetectionPlan) -> nn.Module:
    head = RetinaNetHead(CHANNELS, plan.anchors, CLASSES + 1, norm_layer=partial(nn.GroupNorm, 32))
    model: nn.Module = RetinaNet(
        _body_from_8(),
        CLASSES + 1,
        min_size=plan.height,
        max_size=plan.width,
        anchor_generator=_anchors(plan),
        head=head,
    )
    return model


def _fcos(plan: DetectionPlan) -> nn.Module:
    model: nn.Module = FCOS(_body_from_8(), CLASSES + 1, min_size=plan.height, max_size=plan.width)
    return model


def _body() -> BackboneWithFPN:
    """Strides 4 to 32, and 64 by pooling."""
    return resnet_fpn_backbone(
        backbone_name=BACKBONE, weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )


def _body_from_8() -> BackboneWithFPN:
    """Strides 8 to 32, and 64 and 128 by convolutions."""
    return resnet_fpn_backbone(
        backbone_name=BACKBONE,
        weights=None,
        norm_layer=nn.BatchNorm2d,
        trainable_layers=5,
        returned_layers=[2, 3, 4],
        extra_blocks=LastLevelP6P7(CHANNELS, CHANNELS),
    )


def _anchors(plan: DetectionPlan) -> AnchorGenerator:
    return AnchorGenerator(plan.sizes, (plan.ratios,) * len(plan.sizes))


REFERENCES: dict[str, Callable[[DetectionPlan], nn.Module]] = {
    "faster-rcnn": _faster_rcnn,
    "retinanet": _retinanet,
    "fcos": _fcos,
}


def _batch(effort: Effort) -> tuple[Tensor, Targets]:
    """Noise, uint8, count × height × width × 3, with boxes of a sixteenth to a quarter of it."""
    random = torch.Generator().manual_seed(0)
    side = effort.side
    shape = (effort.batch, side, side, 3)
    pictures = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
    targets = []
    for _ in range(effort.batch):
        low = torch.rand(_OBJECTS, 2, generator=random) * side * 0.7
        sides = (torch.rand(_OBJECTS, 2, generator=random) * 3 + 1) * side / 16
        classes = torch.randint(1, CLASSES + 1, (_OBJECTS,), generator=random)
        targets.append({"boxes": torch.cat([low, low + sides], dim=1), "labels": classes})
    return pictures, targets


if __name__ == "__main__":
    run("tasks", measure, libraries=_LIBRARIES)

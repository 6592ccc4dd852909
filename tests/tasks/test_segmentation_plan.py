from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from midrib.backbones import AddedLevels, create_backbone
from midrib.backbones.listing.counting import facts_without_weights
from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.datasets.masks import encode_mask
from midrib.errors import ConfigError, DatasetError, UnknownNameError, UsageError
from midrib.tasks import ALGORITHMS, SegmentationPlan
from midrib.tasks.algorithms import algorithm_for
from midrib.tasks.segmentation import DECODERS
from midrib.training import TrainConfig, learnt_labels, planned

LABELS = ("ball", "box")


facts_of = cache(facts_without_weights)


def _item(label: str, *, side: int = 100) -> Item:
    mask = np.zeros((side, side), np.bool_)
    mask[:20, :20] = True
    annotation = Annotation(label, (0, 0, 20, 20), mask=encode_mask(mask))
    return Item(Path(f"{label}.png"), (), annotations=(annotation,), width=side, height=side)


def _planned(items: list[Item], backbone: str = "resnet18", **options: object) -> SegmentationPlan:
    config = TrainConfig(algorithm="unet", backbone=backbone, **options)
    plan = planned(config, facts_of(backbone), items, LABELS)
    assert isinstance(plan, SegmentationPlan)
    return plan


def test_every_decoder_is_an_algorithm() -> None:
    """Each can be named by users, for the task of pixels."""
    for name in DECODERS:
        assert ALGORITHMS.get(name).task == "segmentation"


def test_a_plan_follows_from_pictures_and_backbone() -> None:
    """Size from the pictures, maps from the backbone, shares from the masks; weights if asked."""
    items = [_item("ball"), _item("ball"), _item("box"), _item("box", side=200)]
    plan = _planned(items)
    assert plan.labels == learnt_labels(plan, LABELS) == ("background", "ball", "box")
    assert (plan.height, plan.width, plan.fit) == (128, 128, "letterbox")
    assert plan.strides == (2, 4, 8, 16, 32)
    assert plan.shares == pytest.approx((68400 / 70000, 800 / 70000, 800 / 70000), abs=1e-6)
    assert plan.class_weights == ()
    told = "\n".join(plan.lines())
    assert "input      128 × 128 pixels, letterboxed" in told
    assert "box" in told
    balanced = _planned(items, class_weights="balanced", size=64, fit="squash")
    assert (balanced.height, balanced.fit) == (64, "squash")
    shares = np.array(balanced.shares)
    assert np.array(balanced.class_weights) * shares == pytest.approx(np.full(3, 1 / 3), rel=1e-2)
    assert SegmentationPlan(**balanced.model_dump(mode="json")) == balanced


@pytest.mark.parametrize("backbone", ["resnet18", "squeezenet-1.1", "mobilenet-v1"])
def test_channels_are_those_of_the_maps(backbone: str) -> None:
    """What a plan tells of maps is what layers are made for."""
    plan = _planned([_item("ball")], backbone)
    levels = AddedLevels(create_backbone(backbone, weights="none"), plan.strides).levels
    assert plan.channels == tuple(level.channels for level in levels)


def test_what_cannot_be_learnt_is_told() -> None:
    """Training pictures without an object, cropped pictures and classes beyond 255 are refused."""
    with pytest.raises(DatasetError, match="none of the 1 training pictures has an object"):
        _planned([Item(Path("a.png"), (), width=64, height=64)])
    with pytest.raises(ConfigError, match="'fit' is 'crop' for unet"):
        _planned([_item("ball")], fit="crop")
    config = TrainConfig(algorithm="unet", backbone="resnet18")
    many = [f"class-{number}" for number in range(255)]
    with pytest.raises(DatasetError, match="256 classes of pixels"):
        planned(config, facts_of("resnet18"), [_item("ball")], many)


def test_options_without_use_are_refused() -> None:
    """What means nothing to a segmenter is never ignored, and it has defaults of its own."""
    with pytest.raises(ConfigError, match=r"option 'mixup' is 0\.2 for fpn"):
        TrainConfig(algorithm="fpn", mixup=0.2)
    chosen = TrainConfig(algorithm="deeplabv3+", class_weights="balanced")
    assert (chosen.fit, chosen.metric, chosen.loss) == ("letterbox", "miou", "dice+cross-entropy")


def test_a_task_names_its_usual_algorithm() -> None:
    """A task can be named by its beginning, and an algorithm of another task is refused."""
    assert algorithm_for("segment", None) == "unet"
    assert algorithm_for("detection", "fcos") == "fcos"
    assert algorithm_for(None, "fpn") == "fpn"
    assert algorithm_for(None, None) is None
    with pytest.raises(UnknownNameError, match="unknown task 'segmenting'"):
        algorithm_for("segmenting", None)
    with pytest.raises(UsageError, match="unet is for segmentation, and the task is detection"):
        algorithm_for("detect", "unet")

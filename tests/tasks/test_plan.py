from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.backbones.pyramid.strides import source_of
from midrib.errors import UsageError
from midrib.tasks import derive_plan
from midrib.tasks.detection.anchors import anchors_of, cells_of, centres_of

RESNET = [(4, 64), (8, 128), (16, 256), (32, 512)]
_LEVELS = st.sampled_from(
    [RESNET, [(16, 192)], [(2, 96), (4, 256), (8, 512), (16, 512)], [(32, 1280)]]
)
_BOXES = st.lists(st.tuples(st.floats(1, 500), st.floats(1, 500)), max_size=60).map(
    lambda drawn: np.array(drawn, np.float32).reshape(-1, 2)
)


@given(_BOXES, st.integers(32, 640), _LEVELS)
def test_a_plan_is_one_that_the_backbone_can_give(
    boxes: np.ndarray, side: int, levels: list[tuple[int, int]]
) -> None:
    """Strides double and can be had, anchors are as many at each, and each has its place."""
    plan = derive_plan(boxes, (side, side), levels, name="some")
    own = [stride for stride, _ in levels]
    assert all(source_of(stride, own) is not None for stride in plan.strides)
    assert all(2 * a == b for a, b in zip(plan.strides, plan.strides[1:], strict=False))
    cells = sum(rows * columns for rows, columns in cells_of(plan))
    anchors = anchors_of(plan)
    assert anchors.shape == (cells * plan.anchors, 4)
    middles = (anchors[:, :2] + anchors[:, 2:]) / 2
    centres, strides = centres_of(plan)
    np.testing.assert_allclose(
        middles.reshape(cells, -1, 2), centres[:, None].expand(-1, plan.anchors, 2), atol=1e-3
    )
    assert set(strides.tolist()) == set(plan.strides)
    sizes = (anchors[:, 2:] - anchors[:, :2]).prod(dim=1).sqrt().numpy()
    wanted = np.unique(np.array(plan.sizes, np.float32))
    away = np.abs(np.unique(sizes)[:, None] / wanted - 1)
    assert max(away.min(axis=0).max(), away.min(axis=1).max()) < 1e-3


def test_strides_and_sizes_follow_the_objects() -> None:
    """Small objects ask for fine maps, large ones for coarse, and anchors have their sizes."""
    random = np.random.default_rng(0)
    small = random.uniform(14, 20, (200, 2)).astype(np.float32)
    large = random.uniform(150, 300, (200, 2)).astype(np.float32)
    fine = derive_plan(small, (512, 512), RESNET, name="resnet18")
    coarse = derive_plan(large, (512, 512), RESNET, name="resnet18")
    assert fine.strides == (4, 8)
    assert min(coarse.strides) >= 32
    assert all(14 <= size <= 20 for size in fine.sizes[0])
    assert fine.ratios[1] == pytest.approx(1, abs=0.1)
    assert fine.channels == 128
    tall = np.stack([small[:, 0] * 3, small[:, 1]], axis=1)
    assert derive_plan(tall, (512, 512), RESNET, name="resnet18").ratios[1] > 2


def test_without_enough_boxes_the_plan_is_retinanets() -> None:
    """A handful of boxes says nothing: three scales of four strides, and the usual ratios."""
    plan = derive_plan(np.ones((3, 2), np.float32), (512, 512), RESNET, name="resnet18")
    assert plan.strides == (8, 16, 32, 64, 128)
    assert plan.sizes[0] == (32.0, 40.32, 50.8)
    assert plan.ratios == (0.5, 1.0, 2.0)


def test_a_backbone_without_maps_is_refused() -> None:
    """A stride that cannot be had is told with the backbone's name."""
    with pytest.raises(UsageError, match="flat cannot give maps of stride 3"):
        derive_plan(np.ones((3, 2), np.float32), (64, 64), RESNET, name="flat", strides=(3,))

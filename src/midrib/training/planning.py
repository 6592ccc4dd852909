"""A detector's input and shape from its backbone and the pictures that it learns from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from midrib.backbones import BackboneFacts
from midrib.datasets import Item
from midrib.errors import DatasetError
from midrib.records import Floats
from midrib.tasks import ALGORITHMS, DetectionPlan, derive_plan
from midrib.training.config import TrainConfig

LARGEST_DERIVED = 512
"""Pixels in height and width that are taken unasked: more is for who has the time for it."""

_STEP = 32


def planned(
    config: TrainConfig, facts: BackboneFacts, training: Sequence[Item]
) -> DetectionPlan | None:
    """The plan for those pictures; None where the algorithm's task needs none.

    Raises ``DatasetError`` when no training picture has an object, ``UsageError`` when the
    backbone has no map that would do.
    """
    if ALGORITHMS.get(config.algorithm).task != "detection":
        return None
    sizes = [(item.height, item.width) for item in training]
    side = config.size or _side(sizes, facts)
    boxes = _boxes(training, side)
    if not len(boxes):
        raise DatasetError(
            f"none of the {len(training):,} training pictures has an object",
            expected="boxes to learn from",
            todo="add some, or split the data so that train has them",
        )
    levels = [(level.stride, level.channels) for level in facts.levels]
    algorithm = ALGORITHMS.get(config.algorithm)
    return derive_plan(
        boxes,
        (side, side),
        levels,
        name=facts.name,
        strides=config.strides,
        sizes=config.anchor_sizes,
        ratios=config.anchor_ratios,
        cells=algorithm.cells,
        region_cells=config.region_cells or algorithm.region_cells,
    )


def _side(sizes: Sequence[tuple[int, int]], facts: BackboneFacts) -> int:
    """The longer side of the middle picture, rounded up; what the backbone takes in any case."""
    if not facts.resizable:
        return facts.native_size[0]
    longer = float(np.median([max(size) for size in sizes])) if sizes else 0.0
    side = min(LARGEST_DERIVED, max(longer, facts.smallest_size))
    return math.ceil(side / _STEP) * _STEP


def _boxes(items: Sequence[Item], side: int) -> Floats:
    """Height and width of each object, in pixels of a letterboxed input: float32, count × 2."""
    found = []
    for item in items:
        scale = side / max(item.height, item.width, 1)
        for each in item.annotations:
            if not each.crowd:
                left, top, right, bottom = each.xyxy
                found.append(((bottom - top) * scale, (right - left) * scale))
    boxes: Floats = np.array(found, np.float32).reshape(-1, 2)
    return boxes[(boxes > 0).all(axis=1)]

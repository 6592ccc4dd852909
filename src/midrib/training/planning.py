"""The input and shape of detectors and segmenters from backbone and training pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from midrib.backbones import BackboneFacts
from midrib.datasets import Item
from midrib.datasets.class_maps import MOST_CLASSES, pixels_by_class, with_background
from midrib.errors import ConfigError, DatasetError
from midrib.records import Floats
from midrib.tasks import (
    ALGORITHMS,
    DetectionPlan,
    SegmentationPlan,
    derive_plan,
    derive_segmentation_plan,
)
from midrib.training.config import TrainConfig

LARGEST_DERIVED = 512
"""Pixels in height and width that are taken unasked: more is for who has the time for it."""

_STEP = 32

Plan = DetectionPlan | SegmentationPlan


def planned(
    config: TrainConfig,
    facts: BackboneFacts,
    training: Sequence[Item],
    labels: Sequence[str] = (),
) -> Plan | None:
    """The plan for those pictures; None where the algorithm's task needs none.

    ``labels`` are the data's, which a segmenter's plan names.

    Raises ``DatasetError`` when no training picture has an object, ``UsageError`` when the
    backbone has no map that would do, ``ConfigError`` for a segmenter of cropped pictures.
    """
    task = ALGORITHMS.get(config.algorithm).task
    if task == "segmentation":
        return _segmentation(config, facts, training, labels)
    return _detection(config, facts, training) if task == "detection" else None


def learnt_labels(plan: Plan | None, labels: Sequence[str]) -> tuple[str, ...]:
    """What a model of that plan tells apart: the data's classes, of pixels background too."""
    return plan.labels if isinstance(plan, SegmentationPlan) else tuple(labels)


def _segmentation(
    config: TrainConfig, facts: BackboneFacts, training: Sequence[Item], labels: Sequence[str]
) -> SegmentationPlan:
    if config.fit == "crop":
        raise ConfigError(
            f"option 'fit' is 'crop' for {config.algorithm}: pixels beside it have no class",
            expected="'letterbox' or 'squash'",
            todo="leave it out",
        )
    classes = with_background(labels)
    if len(classes) > MOST_CLASSES:
        raise DatasetError(
            f"{len(classes):,} classes of pixels",
            expected=f"at most {MOST_CLASSES}, background among them",
            todo="leave some out, or join them",
        )
    counts = pixels_by_class(training, classes)
    if not sum(counts[1:]):
        raise DatasetError(
            f"none of the {len(training):,} training pictures has an object",
            expected="outlines or masks to learn from",
            todo="add some, or split the data so that train has them",
        )
    side = config.size or _side([(item.height, item.width) for item in training], facts)
    levels = [(level.stride, level.channels) for level in facts.levels]
    return derive_segmentation_plan(
        dict(zip(classes, counts, strict=True)),
        (side, side),
        levels,
        _strides_read(config.algorithm, [stride for stride, _ in levels]),
        name=facts.name,
        fit=config.fit,
        balanced=config.class_weights == "balanced",
        pictures=len(training),
    )


def _strides_read(algorithm: str, own: Sequence[int]) -> Sequence[int]:
    """Of our decoders what they read over this backbone, of others what they say."""
    from midrib.tasks.segmentation import DECODERS, strides_read

    if algorithm in DECODERS:
        return strides_read(algorithm, own)
    return ALGORITHMS.get(algorithm).strides


def _detection(
    config: TrainConfig, facts: BackboneFacts, training: Sequence[Item]
) -> DetectionPlan:
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

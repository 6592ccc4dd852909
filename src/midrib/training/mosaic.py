"""Mosaic: four scenes in one, for detection."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from torchvision.transforms.v2 import functional

from midrib.training.scenes import Scene, cut_to_frame, resized_to, transformed

SCENES = 4
_MIDDLE = (0.25, 0.75)  # where the four may meet, as shares of height and width


def mosaic(scenes: Sequence[Scene], size: tuple[int, int], random: np.random.Generator) -> Scene:
    """Four scenes around a random point (Bochkovskiy et al., arXiv 2004.10934).

    Each is resized, its aspect ratio kept, until it just covers its quarter, and is cut on the
    outer sides; objects of which too little is left are left out.

    Args:
        scenes: upper left, upper right, lower left and lower right; all or none with masks.
        size: height and width of the result, at least 4 × 4.
        random: where they meet.

    Raises:
        ValueError: these are not four scenes.
    """
    if len(scenes) != SCENES:
        raise ValueError(f"{len(scenes)} scenes for a mosaic of {SCENES}")
    height, width = size
    middle = [round(side * random.uniform(*_MIDDLE)) for side in size]
    quarters = []
    for index, scene in enumerate(scenes):
        top, left = middle[0] * (index // 2), middle[1] * (index % 2)
        bottom = height if index // 2 else middle[0]
        right = width if index % 2 else middle[1]
        cut = _covering(scene, (bottom - top, right - left), lower=index < 2, right=not index % 2)
        quarters.append((cut, top, left))
    return cut_to_frame(_joined(quarters, size), least_visible=0)


def _covering(scene: Scene, size: tuple[int, int], *, lower: bool, right: bool) -> Scene:
    """The part of ``scene`` next to where the four meet, resized to cover ``size``."""
    sides = scene.pixels.shape[:2]
    scale = max(wanted / side for wanted, side in zip(size, sides, strict=True))
    resized = [max(wanted, round(side * scale)) for wanted, side in zip(size, sides, strict=True)]
    top = resized[0] - size[0] if lower else 0
    left = resized[1] - size[1] if right else 0
    return transformed(scene, partial(_cut, resized=resized, frame=(top, left, *size)))


def _cut(given: dict[str, Any], resized: list[int], frame: tuple[int, int, int, int]) -> Any:
    larger = {name: resized_to(each, resized) for name, each in given.items()}
    return {name: functional.crop(each, *frame) for name, each in larger.items()}


def _joined(quarters: Sequence[tuple[Scene, int, int]], size: tuple[int, int]) -> Scene:
    """Scenes in one frame, each with the row and column of its upper left corner."""
    pixels = np.zeros((*size, 3), np.uint8)
    boxes, polygons, masks = [], [], []
    for scene, top, left in quarters:
        height, width = scene.pixels.shape[:2]
        pixels[top : top + height, left : left + width] = scene.pixels
        boxes.append(scene.boxes + np.array([left, top, left, top], np.float32))
        polygons += [
            tuple(_shifted(each, (left, top)) for each in outlines) for outlines in scene.polygons
        ]
        if scene.masks is not None:
            within = np.zeros((len(scene.masks), *size), np.bool_)
            within[:, top : top + height, left : left + width] = scene.masks
            masks.append(within)
    return Scene(
        pixels,
        np.concatenate(boxes),
        np.concatenate([scene.classes for scene, _, _ in quarters]),
        tuple(polygons),
        np.concatenate(masks) if masks else None,
    )


def _shifted(polygon: Sequence[float], by: tuple[int, int]) -> tuple[float, ...]:
    return tuple(value + by[index % 2] for index, value in enumerate(polygon))

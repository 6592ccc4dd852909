"""Masks of objects, known within their boxes, as masks of the picture. Arrays only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from midrib.config import Config
from midrib.records import Floats, Mask, Rle, Size
from midrib.run_lengths import encode_within

_STRIP_PIXELS = 1 << 22  # that are decided at once: bounds what a large object takes in memory


class MaskPasting(Config):
    """How the masks of a detector's objects, known within their boxes, come into the picture."""

    cells: int = Field(gt=0)
    """Rows and columns of a mask within its box."""

    threshold: float = Field(default=0.5, gt=0, lt=1)
    """Probability from which on a pixel is of the object."""

    scaling: Literal["bilinear"] = "bilinear"
    """How cells become pixels: between their centres; beyond the box nothing is of the object."""


def paste(masks: Floats, boxes: Floats, size: Size, rule: MaskPasting) -> tuple[Rle, ...]:
    """The masks of objects in their picture.

    Pixels are taken by their centres. torchvision's `paste_masks_in_image` cuts boxes to whole
    pixels first and draws one more: what it draws differs by up to a pixel along the outline.

    Args:
        masks: float32, objects × cells × cells, probabilities.
        boxes: float32, objects × 4 (left, top, right, bottom) in pixels of the picture; they may
            go beyond it.
        size: of the upright picture.
        rule: how.
    """
    return tuple(
        _pasted(mask, box, size, rule.threshold) for mask, box in zip(masks, boxes, strict=True)
    )


def _pasted(mask: Floats, box: Floats, size: Size, threshold: float) -> Rle:
    left, top, right, bottom = box.astype(np.float64).tolist()
    first_row, down = _weights(top, bottom, size.height, mask.shape[0])
    first_column, across = _weights(left, right, size.width, mask.shape[1])
    strips = list(_strips(down, mask @ across.T, threshold))
    region = np.concatenate(strips) if strips else np.zeros((0, len(across)), np.bool_)
    return encode_within(region, first_column, first_row, size)


def _strips(down: Floats, rows: Floats, threshold: float) -> Iterator[Mask]:
    step = max(1, _STRIP_PIXELS // max(1, rows.shape[1]))
    for first in range(0, len(down), step):
        yield down[first : first + step] @ rows >= np.float32(threshold)


def _weights(low: float, high: float, side: int, cells: int) -> tuple[int, Floats]:
    """The first pixel along an axis that a box reaches, and of which cells each one is made.

    The weights are float32, pixels × cells, and fall from 1 at a cell's centre to 0 at the next.
    """
    cell = (high - low) / cells
    if not cell > 0:
        return 0, np.zeros((0, cells), np.float32)
    # Half a cell beyond the box something may be left of its outermost cells.
    first = min(max(0, int(np.floor(low - cell / 2))), side)
    end = min(max(first, int(np.ceil(high + cell / 2))), side)
    places = (np.arange(first, end) + 0.5 - low) / cell - 0.5
    apart = np.abs(places[:, None] - np.arange(cells))
    weights: Floats = np.maximum(0, 1 - apart).astype(np.float32)
    return first, weights

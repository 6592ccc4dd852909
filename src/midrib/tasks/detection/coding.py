"""Boxes as shifts and stretches of anchors, and back: elementwise arithmetic that exports."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST_STRETCH = math.log(1000 / 16)
"""Log of the most that an anchor is stretched by, as in Detectron: exp stays finite."""


def encode(anchors: Tensor, boxes: Tensor) -> Tensor:
    """Boxes to shifts and log stretches of anchors: float, … × 4 (x, y, width, height).

    Girshick et al., arXiv 1311.2524, appendix C. Both are float, … × 4 (left, top, right, bottom).
    """
    middle, sides = _middle_and_sides(anchors)
    of_box, box_sides = _middle_and_sides(boxes)
    return torch.cat([(of_box - middle) / sides, torch.log(box_sides / sides)], dim=-1)


def decode(anchors: Tensor, codes: Tensor) -> Tensor:
    """What `encode` gives to boxes: float, … × 4 (left, top, right, bottom)."""
    middle, sides = _middle_and_sides(anchors)
    middle = middle + codes[..., :2] * sides
    half = sides * torch.exp(codes[..., 2:].clamp(max=LARGEST_STRETCH)) / 2
    return torch.cat([middle - half, middle + half], dim=-1)


def _middle_and_sides(boxes: Tensor) -> tuple[Tensor, Tensor]:
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low

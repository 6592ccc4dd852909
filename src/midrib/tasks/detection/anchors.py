"""Anchors and cells of a plan, as constants in pixels of the input."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from midrib.tasks.plan import DetectionPlan


def cells_of(plan: DetectionPlan) -> list[tuple[int, int]]:
    """Rows and columns of each stride's map."""
    return [
        (math.ceil(plan.height / stride), math.ceil(plan.width / stride)) for stride in plan.strides
    ]


def anchors_of(plan: DetectionPlan) -> Tensor:
    """All anchors in the order of the heads' answers: by stride, row, column, ratio and size.

    Float32, anchors × 4 (left, top, right, bottom), centred on their cells.
    """
    parts = []
    for stride, (rows, columns), sizes in zip(
        plan.strides, cells_of(plan), plan.sizes, strict=True
    ):
        shapes = torch.tensor(
            [
                (size / math.sqrt(ratio), size * math.sqrt(ratio))
                for ratio in plan.ratios
                for size in sizes
            ]
        )
        centres = _centres(stride, rows, columns)[:, None]
        parts.append(torch.cat([centres - shapes / 2, centres + shapes / 2], dim=2).reshape(-1, 4))
    return torch.cat(parts)


def centres_of(plan: DetectionPlan) -> tuple[Tensor, Tensor]:
    """The middle of each cell, float32, cells × 2 (x, y), and its stride, float32, cells."""
    centres, strides = [], []
    for stride, (rows, columns) in zip(plan.strides, cells_of(plan), strict=True):
        centres.append(_centres(stride, rows, columns))
        strides.append(torch.full((rows * columns,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def _centres(stride: int, rows: int, columns: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y], dim=2).reshape(-1, 2) + 0.5) * float(stride)

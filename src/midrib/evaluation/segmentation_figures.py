"""The report's figures of a segmenter: what is taken for what, and how pictures differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from midrib.evaluation.detection_figures import MOST_CLASSES
from midrib.evaluation.drawing import ON_PAGE, draw_svg
from midrib.evaluation.figures import Figure
from midrib.evaluation.segmentation_records import SegmentationEvaluation
from midrib.evaluation.segmentation_scores import iou_of_pictures
from midrib.evaluation.wording import figure, percent
from midrib.metrics.decisions import Counts, Real

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE_INCHES = (4.7, 2.9)
_INCHES_A_CLASS = 0.55
_MARGIN_INCHES = 1.6
_DARK_CELL = 0.6
_WORTH_TELLING = 0.0005  # of a row: what would be shown as 0.0 %


def segmentation_figures(evaluation: SegmentationEvaluation) -> list[Figure]:
    """The confusion of pixels, and the spread of pictures' own mean overlap."""
    figures = [_matrix(evaluation)] if evaluation.matrix.any() else []
    overlap = iou_of_pictures(evaluation)
    known = overlap[~np.isnan(overlap)]
    return [*figures, _spread(known)] if len(known) > 1 else figures


def _matrix(evaluation: SegmentationEvaluation) -> Figure:
    rows = _shown(evaluation.matrix)
    shares = evaluation.matrix / np.maximum(evaluation.matrix.sum(axis=1, keepdims=True), 1)
    named = [evaluation.labels[row] for row in rows]
    side = len(rows) * _INCHES_A_CLASS + _MARGIN_INCHES

    def draw(axes: Axes) -> None:
        _draw_cells(axes, shares[np.ix_(rows, rows)])
        places = np.arange(len(rows))
        axes.set_xticks(places, named, rotation=45, ha="right")
        axes.set_yticks(places, named)
        axes.set(xlabel="answered", ylabel="true")
        axes.set(xlim=(-0.5, len(rows) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")

    right = evaluation.matrix.diagonal().sum() / max(1, evaluation.matrix.sum())
    return Figure(
        title="What pixels are taken for",
        svg=draw_svg("pixel-confusion", draw, (side, side)),
        alt=f"Pixels by true and answered class, as shares of the true class:"
        f" {percent(float(right))} of all are answered rightly.",
        keys=(("accent", "darker: a larger share of the row"),),
    )


def _draw_cells(axes: Axes, shares: Real) -> None:
    from matplotlib.patches import Rectangle

    axes.grid(visible=False)
    for row, column in zip(*np.nonzero(shares >= _WORTH_TELLING), strict=True):
        share = float(shares[row, column])
        ground = ON_PAGE.wrong if row != column else ON_PAGE.accent
        corner = (float(column) - 0.5, float(row) - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, color=ground, alpha=share * _DARK_CELL, linewidth=0))
        axes.text(column, row, percent(share), ha="center", va="center", fontsize=7)


def _spread(overlap: Real) -> Figure:
    edges = np.linspace(0, 1, 21)

    def draw(axes: Axes) -> None:
        heights, _ = np.histogram(overlap, edges)
        axes.stairs(heights, edges, color=ON_PAGE.accent, fill=True, alpha=0.35)
        axes.stairs(heights, edges, color=ON_PAGE.accent, linewidth=1.4)
        axes.set(xlim=(0, 1), xlabel="mean IoU of one picture", ylabel="pictures")

    return Figure(
        title="How pictures differ",
        svg=draw_svg("picture-overlaps", draw, _WIDE_INCHES),
        alt=f"Histogram of the mean IoU of each picture alone: half of them reach"
        f" {figure(float(np.median(overlap)))}, the worst {figure(float(overlap.min()))}.",
    )


def _shown(matrix: Counts) -> list[int]:
    """Classes to show, in their order: all, or those with the most mistaken pixels."""
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    ranked = np.argsort(-wrong, kind="stable")[:MOST_CLASSES]
    return sorted(ranked.tolist())

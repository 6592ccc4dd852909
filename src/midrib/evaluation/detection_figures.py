"""The report's figures of a detector: curves by class, what is taken for what, what errors cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from midrib.evaluation.drawing import ON_PAGE, draw_svg
from midrib.evaluation.figures import Figure
from midrib.evaluation.wording import figure, percent
from midrib.metrics import ClassScores, DetectionScores, ErrorKinds
from midrib.metrics.decisions import Counts, Real

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BACKGROUND, MISSED = "background", "missed"
"""The last row and the last column of a matrix."""

MOST_CLASSES = 12
"""Classes that a matrix still shows; of more, those with the most mistakes."""

_WIDE_INCHES = (4.7, 2.9)
_INCHES_A_CLASS = 0.42
_MARGIN_INCHES = 1.6
_DARK_CELL = 0.6


def detection_figures(
    scores: DetectionScores,
    errors: ErrorKinds,
    confusion: Counts,
    labels: Sequence[str],
    *,
    least_score: float,
) -> list[Figure]:
    """Precision and recall of each class that has objects, the confusion matrix, and the errors.

    Args:
        scores: of the pictures.
        errors: of the same pictures.
        confusion: of the same pictures, (classes + 1)², background last.
        labels: the classes.
        least_score: from which on an object was counted for ``confusion``.
    """
    shown = [each for each in scores.by_class.values() if each.objects]
    figures = [_curves(shown, scores.ap50)] if shown else []
    if confusion.any():
        figures.append(_matrix(confusion, labels, least_score))
    if any(errors.counts.values()):
        figures.append(_errors(errors))
    return figures


def _curves(classes: Sequence[ClassScores], ap50: float) -> Figure:
    def draw(axes: Axes) -> None:
        alpha = 1 if len(classes) == 1 else 0.55
        for each in classes:
            axes.plot(each.curve.x, each.curve.y, color=ON_PAGE.accent, alpha=alpha)
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axes.grid(visible=True)
        axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])

    return Figure(
        title="Precision and recall at an overlap of 0.5",
        svg=draw_svg("detection-curves", draw),
        alt=f"Precision by recall of {len(classes)} classes: AP50 is {figure(ap50)} on average.",
        keys=(("accent", "one line a class"),),
    )


def _matrix(confusion: Counts, labels: Sequence[str], least_score: float) -> Figure:
    rows = _shown(confusion)
    counts = confusion[np.ix_(rows, rows)]
    names = [*labels, BACKGROUND]
    named = [names[row] for row in rows]
    right = confusion.diagonal().sum()
    side = len(rows) * _INCHES_A_CLASS + _MARGIN_INCHES

    def draw(axes: Axes) -> None:
        _draw_cells(axes, counts, _shares(confusion)[np.ix_(rows, rows)])
        places = np.arange(len(rows))
        axes.set_xticks(places, [*named[:-1], MISSED], rotation=45, ha="right")
        axes.set_yticks(places, named)
        axes.set(xlabel="found", ylabel="true")
        axes.set(xlim=(-0.5, len(rows) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")

    return Figure(
        title="What is taken for what",
        svg=draw_svg("detection-confusion", draw, (side, side)),
        alt=f"Objects by true and found class, from a score of {least_score:.2f} on:"
        f" {right:,} of {confusion[:-1].sum():,} objects are found under their name,"
        f" {confusion[:-1, -1].sum():,} are missed, and {confusion[-1].sum():,} are none.",
        keys=(("accent", "darker: a larger share of the row"),),
    )


def _draw_cells(axes: Axes, counts: Counts, shares: Real) -> None:
    from matplotlib.patches import Rectangle

    axes.grid(visible=False)
    for row, column in zip(*np.nonzero(counts), strict=True):
        share, wrong = float(shares[row, column]), row != column
        ground = ON_PAGE.wrong if wrong else ON_PAGE.accent
        corner = (float(column) - 0.5, float(row) - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, color=ground, alpha=share * _DARK_CELL, linewidth=0))
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=8)


def _errors(errors: ErrorKinds) -> Figure:
    kinds = sorted(errors.costs, key=lambda kind: errors.costs[kind])
    costs = [errors.costs[kind] for kind in kinds]

    def draw(axes: Axes) -> None:
        axes.barh(kinds, costs, color=ON_PAGE.wrong, alpha=0.75, height=0.6)
        for place, kind in enumerate(kinds):
            told = f" {errors.counts[kind]:,}"
            axes.text(max(costs[place], 0), place, told, va="center", color=ON_PAGE.muted)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.margins(x=0.15)
        axes.set(xlabel="AP50 that mending this kind alone would bring")

    worst = kinds[-1]
    return Figure(
        title="What errors cost",
        svg=draw_svg("detection-errors", draw, _WIDE_INCHES),
        alt=f"AP50 is {percent(errors.ap50)}; without errors of the kind '{worst}' it would be"
        f" {percent(errors.ap50 + errors.costs[worst])}.",
        keys=(("wrong", "with how many there are"),),
    )


def _shown(confusion: Counts) -> list[int]:
    """Rows to show, in their order: all, or those of most mistakes, and background always."""
    background = len(confusion) - 1
    wrong = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * confusion.diagonal()
    ranked = np.argsort(-wrong[:background], kind="stable")[:MOST_CLASSES]
    return [*sorted(ranked.tolist()), background]


def _shares(confusion: Counts) -> Real:
    """Each cell's share of its row: float64, 0 to 1."""
    shares: Real = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return shares

"""The report's curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation.drawing import ON_PAGE, draw_svg
from midrib.metrics import calibration_bins, pr_curve, resamples, roc_curve
from midrib.metrics.decisions import Real, Truth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE_INCHES = (4.7, 2.9)
_BAND_ROUNDS = 200
_BAND_POINTS = 101
_MOST_POINTS = 600
_SMOOTHING = 0.06

_DASHED: dict[str, Any] = {
    "color": ON_PAGE.muted,
    "linewidth": 1,
    "linestyle": (0, (3, 3)),
    "alpha": 0.7,
}

Points = Sequence[tuple[float, float]]


def plot_losses(training: Points, validation: Points) -> str:
    """Loss by step: every training step faintly, its running mean, and each validation."""

    def draw(axes: Axes) -> None:
        if training:
            steps, losses = np.array(training).T
            smooth = _running_mean(losses)
            keep = np.unique(np.linspace(0, len(steps) - 1, _MOST_POINTS).astype(int))
            axes.plot(steps[keep], losses[keep], color=ON_PAGE.muted, alpha=0.35, linewidth=0.8)
            axes.plot(steps[keep], smooth[keep], color=ON_PAGE.muted)
        if validation:
            axes.plot(*np.array(validation).T, color=ON_PAGE.accent, marker="o", markersize=3.5)
        axes.set_ylim(bottom=0)
        axes.set(xlabel="step", ylabel="loss")

    return draw_svg("losses", draw, _WIDE_INCHES)


def plot_metric(points: Points, *, best: int) -> str:
    """A validation metric by step; ``best`` is the place of the point whose weights were kept."""

    def draw(axes: Axes) -> None:
        steps, values = np.array(points).T
        axes.plot(steps, values, color=ON_PAGE.accent, marker="o", markersize=3.5)
        axes.plot(
            steps[best], values[best], "o", color=ON_PAGE.accent, markersize=9, fillstyle="none"
        )
        axes.set(xlabel="step")

    return draw_svg("metric", draw, _WIDE_INCHES)


def plot_roc(
    curves: Sequence[tuple[NDArray[np.bool_], Real]], *, decided: tuple[float, float] | None
) -> str:
    """ROC curves, one a (positive, score) pair; a single one has its 95 % band.

    ``decided``: false and true positive rate at the package's threshold.
    """

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], **_DASHED)
        if len(curves) == 1:
            grid, low, high = _roc_band(*curves[0])
            axes.fill_between(grid, low, high, color=ON_PAGE.accent, alpha=0.15, linewidth=0)
        for positive, score in curves:
            curve = roc_curve(positive, score)
            axes.plot(curve.x, curve.y, color=ON_PAGE.accent, alpha=1 if len(curves) == 1 else 0.55)
        _mark(axes, decided)
        _unit_square(axes, "false positive rate", "true positive rate")

    return draw_svg("roc", draw)


def plot_precision_recall(
    curves: Sequence[tuple[NDArray[np.bool_], Real]], *, decided: tuple[float, float] | None
) -> str:
    """Precision by recall, one curve a (positive, score) pair.

    ``decided``: recall and precision at the package's threshold.
    """

    def draw(axes: Axes) -> None:
        for positive, score in curves:
            curve = pr_curve(positive, score)
            alpha = 1 if len(curves) == 1 else 0.55
            axes.plot(curve.x, curve.y, color=ON_PAGE.accent, alpha=alpha, drawstyle="steps-pre")
        if len(curves) == 1:
            share = float(curves[0][0].mean())
            axes.plot([0, 1], [share, share], **_DASHED)
        _mark(axes, decided)
        _unit_square(axes, "recall", "precision")

    return draw_svg("precision-recall", draw)


def plot_calibration(said: Real, came_true: NDArray[np.bool_]) -> str:
    """How often what was said came true, in ten bins; a point's area grows with its pictures."""
    bins = calibration_bins(said, came_true, 10)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], **_DASHED)
        axes.plot(bins.probability, bins.share, color=ON_PAGE.accent, linewidth=1.2, alpha=0.7)
        area = 16 + 180 * bins.pictures / bins.pictures.max()
        axes.scatter(
            bins.probability, bins.share, s=area, color=ON_PAGE.accent, alpha=0.75, linewidths=0
        )
        _unit_square(axes, "probability that was answered", "share that came true")

    return draw_svg("calibration", draw)


def plot_scores(score: Real, positive: NDArray[np.bool_], threshold: float) -> str:
    """How the positive class's probability spreads over pictures of either class."""
    edges = np.linspace(0, 1, 26)

    def draw(axes: Axes) -> None:
        for chosen, colour in ((~positive, ON_PAGE.muted), (positive, ON_PAGE.accent)):
            heights, _ = np.histogram(score[chosen], edges)
            axes.stairs(heights, edges, color=colour, fill=True, alpha=0.35)
            axes.stairs(heights, edges, color=colour, linewidth=1.4)
        axes.axvline(threshold, color=ON_PAGE.ink, linewidth=1, linestyle=(0, (3, 3)))
        axes.set(xlim=(0, 1), xlabel="probability that was answered", ylabel="pictures")

    return draw_svg("scores", draw)


def _roc_band(positive: NDArray[np.bool_], score: Real) -> tuple[Real, Real, Real]:
    """Bounds of the central 95 % of resampled curves, at equal false positive rates."""
    grid: Real = np.linspace(0, 1, _BAND_POINTS)
    truth: Truth = positive.astype(np.int64)
    curves = [
        roc_curve(positive[rows], score[rows]) for rows in resamples(truth, rounds=_BAND_ROUNDS)
    ]
    rates = np.array([np.interp(grid, curve.x, curve.y) for curve in curves])
    low, high = np.percentile(rates, (2.5, 97.5), axis=0)
    return grid, low, high


def _running_mean(values: Real) -> Real:
    smooth, mean = np.empty_like(values), values[0]
    for place, value in enumerate(values):
        mean += max(_SMOOTHING, 1 / (place + 1)) * (value - mean)
        smooth[place] = mean
    return smooth


def _mark(axes: Axes, point: tuple[float, float] | None) -> None:
    if point is not None:
        axes.plot(*point, "o", color=ON_PAGE.ink, markersize=6, zorder=5, clip_on=False)


def _unit_square(axes: Axes, x: str, y: str) -> None:
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.grid(visible=True)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel=x, ylabel=y, xticks=ticks, yticks=ticks)
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])
    axes.set_yticklabels([f"{tick:g}" for tick in ticks])

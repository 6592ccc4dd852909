"""What a dataset looks like in figures: classes, sizes, light, sharpness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from midrib.datasets import SPLITS, HealthReport, Item
from midrib.datasets.measures import Measures
from midrib.evaluation.drawing import ON_PAGE, ON_PAPER, Palette, draw_png, draw_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (4.7, 2.9)
_BINS = 40
_MOST_CLASSES = 24
_SHADES = (1.0, 0.6, 0.35, 0.2)
"""Of the accent, for the first split that there is, the second …"""

_MEASURED: dict[str, tuple[str, Callable[[Measures], float]]] = {
    "brightness": ("mean brightness, 0 black to 1 white", lambda measures: measures.brightness),
    "contrast": ("contrast, standard deviation of brightness", lambda measures: measures.contrast),
    "sharpness": ("sharpness, 0 to 1", lambda measures: measures.sharpness),
}

Draw = Callable[["Axes", Palette], None]


@dataclass(frozen=True)
class Plot:
    """A figure: its file's name, what it shows, and how it is drawn."""

    name: str
    title: str
    draw: Draw

    def svg(self) -> str:
        """For a page of the house."""
        return draw_svg(self.name, lambda axes: self.draw(axes, ON_PAGE), _INCHES)

    def write(self, folder: Path) -> None:
        """As PNG. Raises ``StorageError``."""
        path = folder / f"{self.name}.png"
        draw_png(path, lambda axes: self.draw(axes, ON_PAPER), _INCHES)


def plots(health: HealthReport) -> Iterator[Plot]:
    """The figures of a report; histograms only of what was measured."""
    items = list(health.dataset.items)
    yield Plot("classes", "Pictures of each class", lambda axes, look: _classes(axes, look, health))
    if not items:
        return
    yield Plot("sizes", "Sizes", lambda axes, look: _sizes(axes, look, items))
    measured = [(item, item.measures) for item in items if item.measures is not None]
    if not measured:
        return
    for name, (axis, of) in _MEASURED.items():
        values = [(item.split, of(measures)) for item, measures in measured]
        yield Plot(name, name.capitalize(), _histogram(axis, values))


def _classes(axes: Axes, look: Palette, health: HealthReport) -> None:
    """Bars, one a class, piled up by split; of very many classes the largest."""
    from matplotlib.ticker import MaxNLocator

    total = {
        label: sum(by_label[label] for by_label in health.counts.values())
        for label in health.dataset.labels
    }
    shown = sorted(total, key=lambda label: -total[label])[:_MOST_CLASSES]
    below = np.zeros(len(shown))
    for by_label, shade in zip(health.counts.values(), _SHADES, strict=False):
        counts = np.array([by_label[label] for label in shown])
        axes.bar(range(len(shown)), counts, bottom=below, color=look.accent, alpha=shade)
        below += counts
    names = [label if len(label) < 14 else label[:13] + "…" for label in shown]
    turned = 0 if len(shown) < 7 else 60
    axes.set_xticks(range(len(shown)), names, rotation=turned, ha="right" if turned else "center")
    axes.yaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    axes.set(ylabel="pictures")


def _sizes(axes: Axes, look: Palette, items: list[Item]) -> None:
    """A dot a size, its area by how many pictures have it."""
    sizes, counts = np.unique(
        [(item.width, item.height) for item in items], axis=0, return_counts=True
    )
    area = 12 + 240 * counts / counts.max()
    axes.scatter(sizes[:, 0], sizes[:, 1], s=area, color=look.accent, alpha=0.6, linewidths=0)
    axes.set(xlabel="width, pixels", ylabel="height, pixels")
    axes.set_xlim(0, sizes[:, 0].max() * 1.1)
    axes.set_ylim(0, sizes[:, 1].max() * 1.1)


def _histogram(axis: str, values: Sequence[tuple[str | None, float]]) -> Draw:
    """Shares of the pictures, one line a split."""

    def draw(axes: Axes, look: Palette) -> None:
        edges = np.linspace(0, max(1e-6, *(value for _, value in values)), _BINS + 1)
        there = [split for split in (*SPLITS, None) if any(each == split for each, _ in values)]
        for split, shade in zip(there, _SHADES, strict=False):
            of_split = [value for each, value in values if each == split]
            share = np.histogram(of_split, edges)[0] / len(of_split)
            axes.stairs(share, edges, fill=True, color=look.accent, alpha=shade / 2)
            axes.stairs(share, edges, color=look.accent, alpha=shade)
        axes.set(xlabel=axis, ylabel="share of the split" if len(there) > 1 else "share")

    return draw

"""Latency here against published accuracy: one point a cell, one line a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midrib.evaluation.drawing import ON_PAGE, ON_PAPER, Palette, draw_png, draw_svg
from midrib.selection.comparison import Comparison
from midrib.selection.config import EAGER
from midrib.selection.records import Cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _LEAST_HEIGHT, _HEIGHT_OF_ONE = 9.0, 5.2, 0.2
"""Inches."""

_MARKERS = {"fp32": "o", "int8": "D", "bf16": "s", "fp16": "^"}
_LEAST_AREA, _MOST_AREA = 18.0, 260.0
_LABEL_INCHES = 0.15
_SHELF_STEP = 0.055
"""Share of the height between rows of what has no published accuracy."""

_LETTER, _MARGIN = 0.0078, 0.14
"""Shares of the width: of a letter of a label, and left free at either side."""

_SPACE_LETTERS = 2

_LEAST_EXTENT = 6.0
"""Percentage points."""


def write_picture(comparison: Comparison, path: Path) -> None:
    """The picture as PNG; eager torch is left out where files were run too.

    Raises ``StorageError``.
    """
    draw_png(path, lambda axes: _draw(axes, comparison, ON_PAPER), _inches(comparison))


def inline_picture(comparison: Comparison) -> str:
    """The picture as an ``svg`` element for a page of the house."""
    return draw_svg("costs", lambda axes: _draw(axes, comparison, ON_PAGE), _inches(comparison))


def _inches(comparison: Comparison) -> tuple[float, float]:
    """Width and height: many names need room."""
    return _WIDTH, max(_LEAST_HEIGHT, _HEIGHT_OF_ONE * len(comparison.backbones))


@dataclass(frozen=True)
class _Line:
    """A backbone's measured cells at one height."""

    backbone: str
    height: float
    costs: Sequence[Cost]

    @property
    def latencies(self) -> list[float]:
        return [cost.median("p50_ms") or 0 for cost in self.costs]


def _draw(axes: Axes, comparison: Comparison, palette: Palette) -> None:
    lines, shelf = _lines(comparison)
    _limit(axes, lines)
    largest = max(
        (cost.findings.file_bytes or 0 for line in lines for cost in line.costs), default=0
    )
    axes.set_xscale("log")
    axes.grid(visible=True, axis="x", which="both")
    for line in lines:
        axes.plot(
            line.latencies,
            [line.height] * len(line.costs),
            color=palette.line,
            linewidth=1.2,
            zorder=1,
        )
        for cost, latency in zip(line.costs, line.latencies, strict=True):
            _dot(axes, cost, (latency, line.height), largest, palette)
    axes.set(xlabel="latency of one picture here, ms (p50)", ylabel="published top-1, %")
    _plain_ticks(axes)
    _shelve(axes, shelf, palette)
    _legend(axes, [cost for line in lines for cost in line.costs], palette)
    _label(axes, lines, _inches(comparison)[1], palette)


def _lines(comparison: Comparison) -> tuple[list[_Line], float | None]:
    """Backbones at their accuracy; those without one below all others, and where that is."""
    shown = [cost for cost in comparison.costs if cost.findings.rounds]
    shown = [cost for cost in shown if cost.cell.engine != EAGER] or shown
    measured = {
        name: [cost for cost in shown if cost.cell.backbone == name]
        for name in comparison.backbones
    }
    known = {name: found.top1 for name, found in comparison.published.items()}
    heights = [known[name] for name in measured if name in known] or [0.0]
    low, extent = min(heights), max(max(heights) - min(heights), _LEAST_EXTENT)
    unknown = [name for name in measured if name not in known and measured[name]]
    step = _SHELF_STEP * extent
    shelved = {name: low - step * (place + 2) for place, name in enumerate(unknown)}
    lines = [
        _Line(name, known.get(name, shelved.get(name, low)), costs)
        for name, costs in measured.items()
        if costs
    ]
    return lines, low - step if unknown else None


def _dot(
    axes: Axes, cost: Cost, place: tuple[float, float], largest: int, palette: Palette
) -> None:
    share = (cost.findings.file_bytes or 0) / largest if largest else 0
    colour = _colour(cost.cell.engine, palette)
    # What is published is the accuracy in fp32: the others' is not known, so they are hollow.
    fill: dict[str, Any] = {"facecolors": colour, "alpha": 0.8}
    if cost.cell.precision != "fp32":
        fill = {"facecolors": "none", "edgecolors": colour, "linewidths": 1.4}
    area = _LEAST_AREA + (_MOST_AREA - _LEAST_AREA) * share
    axes.scatter(*place, s=area, marker=_MARKERS[cost.cell.precision], zorder=3, **fill)


def _colour(engine: str, palette: Palette) -> str:
    known = {"onnxruntime": palette.accent, "openvino": palette.warn, EAGER: palette.muted}
    return known.get(engine, palette.ink)


def _limit(axes: Axes, lines: Sequence[_Line]) -> None:
    """Give few or equal accuracies room too, so that no tenth of a percent looks like much."""
    heights = [line.height for line in lines] or [0.0]
    middle, extent = (min(heights) + max(heights)) / 2, max(heights) - min(heights)
    reach = max(0.56 * extent, _LEAST_EXTENT / 2)
    axes.set_ylim(middle - reach, middle + reach)


def _label(axes: Axes, lines: Sequence[_Line], inches: float, palette: Palette) -> None:
    """Names right of the slowest cell, moved up or down where they would lie on each other.

    ``inches`` is the height of the picture.
    """
    axes.margins(x=_MARGIN)
    axes.autoscale_view(scaley=False)
    gap = _LABEL_INCHES / inches
    taken: list[tuple[float, float, float]] = []
    for line in sorted(lines, key=lambda each: each.height):
        place = _share_of(axes, max(line.latencies), line.height)
        left, right = place[0], place[0] + _LETTER * (len(line.backbone) + _SPACE_LETTERS)
        near = [other for start, end, other in taken if left < end and start < right]
        levels = (place[1] + step * gap for step in _outwards(len(lines)))
        height = next(
            level for level in levels if all(abs(level - other) > 0.99 * gap for other in near)
        )
        taken.append((left, right, height))
        axes.annotate(
            line.backbone,
            place,
            xycoords="axes fraction",
            xytext=(left + _LETTER * _SPACE_LETTERS, height),
            verticalalignment="center",
            color=palette.ink,
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": palette.muted, "linewidth": 0.5},
        )


def _share_of(axes: Axes, latency: float, height: float) -> tuple[float, float]:
    """Where a point lies, as shares of the axes' width and height."""
    across, up = axes.transAxes.inverted().transform(axes.transData.transform((latency, height)))
    return float(across), float(up)


def _outwards(most: int) -> list[int]:
    """0, 1, -1, 2, -2 …: enough for ``most`` labels to lie apart."""
    return [0, *(step * way for step in range(1, most + 1) for way in (1, -1))]


def _shelve(axes: Axes, shelf: float | None, palette: Palette) -> None:
    """Draw the line below which nothing is published, and no number stands for it."""
    if shelf is None:
        return
    axes.axhline(shelf, color=palette.muted, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.annotate(
        "none published",
        (0, shelf),
        xycoords=("axes fraction", "data"),
        xytext=(4, -10),
        textcoords="offset points",
        color=palette.muted,
        fontsize=8,
    )
    top = axes.get_ylim()[1]
    axes.set_yticks([tick for tick in axes.get_yticks() if shelf < tick <= top])


def _plain_ticks(axes: Axes) -> None:
    """Milliseconds as people write them, not as powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, costs: Sequence[Cost], palette: Palette) -> None:
    from matplotlib.lines import Line2D

    engines = dict.fromkeys(cost.cell.engine for cost in costs)
    precisions = [name for name in _MARKERS if any(c.cell.precision == name for c in costs)]
    handles = [
        Line2D([], [], color=_colour(name, palette), marker="o", linestyle="", label=name)
        for name in engines
    ]
    handles += [
        Line2D(
            [],
            [],
            color=palette.ink,
            marker=_MARKERS[name],
            linestyle="",
            fillstyle="full" if name == "fp32" else "none",
            label=name,
        )
        for name in precisions
    ]
    if handles:
        title = "area: size of the file"
        axes.legend(
            handles=handles,
            title=title,
            frameon=False,
            fontsize=8,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )

"""Figures in the look of the house: inline SVG for a page, PNG for everything else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midrib.storage import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SQUARE_INCHES = (3.7, 2.9)
_PNG_DOTS_PER_INCH = 200


@dataclass(frozen=True)
class Palette:
    """The colours of a figure, by what they stand for."""

    ink: str
    muted: str
    line: str
    accent: str
    wrong: str
    warn: str


# Matplotlib knows no CSS variables: on a page it draws in these, which are replaced afterwards.
ON_PAGE = Palette(*(f"#00000{digit}" for digit in range(1, 7)))
_VARIABLES = Palette(*(f"var(--{name})" for name in Palette.__dataclass_fields__))

ON_PAPER = Palette("#1b211d", "#667069", "#e2e5df", "#1d7350", "#b1442c", "#8a6100")
"""The page's light theme."""


def draw_svg(
    name: str, draw: Callable[[Axes], None], inches: tuple[float, float] = SQUARE_INCHES
) -> str:
    """An ``svg`` element that takes its colours and its typeface from the page around it.

    Args:
        name: keeps its ids apart from those of other figures on the page.
        draw: draws in the colours of `ON_PAGE`.
        inches: width and height.
    """
    drawn = io.StringIO()

    def save(figure: Figure) -> None:
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(drawn, format="svg", metadata=nothing)

    _draw(draw, ON_PAGE, inches, "none", save)
    return _inline(drawn.getvalue(), name)


def draw_png(path: Path, draw: Callable[[Axes], None], inches: tuple[float, float]) -> None:
    """A picture file on white; ``draw`` draws in the colours of `ON_PAPER`.

    Raises ``StorageError`` when it cannot be written.
    """
    with written_aside(path) as aside:

        def save(figure: Figure) -> None:
            figure.savefig(aside, format="png", dpi=_PNG_DOTS_PER_INCH)

        _draw(draw, ON_PAPER, inches, "white", save)


def _draw(
    draw: Callable[[Axes], None],
    palette: Palette,
    inches: tuple[float, float],
    ground: str,
    save: Callable[[Figure], None],
) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_style(palette)):
        figure = Figure(figsize=inches, layout="constrained", facecolor=ground)
        axes = figure.add_subplot(facecolor="none")
        axes.grid(visible=True, axis="y")
        axes.set_axisbelow(True)
        draw(axes)
        save(figure)


def _style(palette: Palette) -> dict[Any, Any]:
    return {
        "axes.edgecolor": palette.line,
        "axes.labelcolor": palette.muted,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "font.size": 9,
        "grid.color": palette.line,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "svg.fonttype": "none",
        "svg.hashsalt": "midrib",
        "text.color": palette.ink,
        "xtick.color": palette.line,
        "xtick.labelcolor": palette.muted,
        "xtick.major.size": 0,
        "ytick.color": palette.line,
        "ytick.labelcolor": palette.muted,
        "ytick.major.size": 0,
    }


def _inline(document: str, name: str) -> str:
    """The ``svg`` element alone, sized and styled by the page, naming no address outside it."""
    opening = re.search(r'<svg[^>]*?(viewBox="[^"]*")[^>]*>', document)
    if opening is None:
        raise AssertionError("matplotlib writes an svg element with a view box")
    svg = f'<svg {opening[1]} aria-hidden="true">{document[opening.end() :]}'
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*; ", "", svg)
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg.replace("xlink:href", "href"))
    svg = re.sub(r"\s*\n\s*", " ", svg)
    for colour, variable in zip(astuple(ON_PAGE), astuple(_VARIABLES), strict=True):
        svg = svg.replace(colour, variable)
    return svg

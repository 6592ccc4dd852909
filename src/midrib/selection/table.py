"""Costs as a table of words, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from midrib.columns import UNKNOWN, aligned, number
from midrib.selection.comparison import Comparison
from midrib.selection.records import Cost, Spread

_MEGA = 1e6


@dataclass(frozen=True)
class Column:
    """A heading with its unit, and what stands below it."""

    heading: str
    tell: Callable[[Cost], str]


@dataclass(frozen=True)
class Row:
    """One cell in words: ``figures`` by column, or the ``reason`` why there are none."""

    cost: Cost
    names: tuple[str, ...]
    figures: tuple[str, ...]
    reason: str


NAMES = ("backbone", "engine", "precision")

COLUMNS = (
    Column("p50 ms", lambda cost: spread(cost.spread("p50_ms"))),
    Column("p99 ms", lambda cost: number(cost.median("p99_ms"))),
    Column("pictures/s", lambda cost: number(cost.median("pictures_per_second"))),
    Column("memory MB", lambda cost: number(_mega(cost.median("memory_bytes")))),
    Column("file MB", lambda cost: number(_mega(cost.findings.file_bytes))),
    Column("load s", lambda cost: number(cost.median("load_seconds"))),
    Column("mJ/picture", lambda cost: number(_milli(cost.median("joules")))),
)


def rows(comparison: Comparison) -> list[Row]:
    """One row a cell, in their order."""
    return [
        Row(
            cost,
            (cost.cell.backbone, cost.cell.engine, cost.cell.precision),
            tuple(column.tell(cost) for column in COLUMNS) if cost.findings.rounds else (),
            cost.reason,
        )
        for cost in comparison.costs
    ]


def lines(comparison: Comparison) -> list[str]:
    """The table as aligned lines, a reason where a cell has no figures, the notes below."""
    headings = (*NAMES, *(column.heading for column in COLUMNS), "published top-1 %")
    shown: list[tuple[Sequence[str], str]] = [(headings, "")]
    for row in rows(comparison):
        figures = (*row.figures, _top1(comparison, row.cost)) if row.figures else ()
        shown.append(((*row.names, *figures), row.reason))
    words, reasons = zip(*shown, strict=True)
    table = aligned(words, left=range(len(NAMES)), remarks=reasons)
    return [*table, "", *comparison.notes()]


def spread(found: Spread | None) -> str:
    """The median, and in brackets the smallest and the largest."""
    if found is None:
        return UNKNOWN
    return f"{number(found.median)} ({number(found.low)}–{number(found.high)})"


def _top1(comparison: Comparison, cost: Cost) -> str:
    published = comparison.published.get(cost.cell.backbone)
    return UNKNOWN if published is None else f"{published.top1:.1f}"


def _mega(count: float | None) -> float | None:
    return None if count is None else count / _MEGA


def _milli(value: float | None) -> float | None:
    return None if value is None else value * 1000

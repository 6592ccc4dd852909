"""What all benchmarks share: interleaved rounds, a table, the goals beside the figures, JSON.

A benchmark is a module with a ``measure(options) -> Results`` and, at its end,

    if __name__ == "__main__":
        run("decode", measure, libraries=["pillow", "simplejpeg"])
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, Self, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from midrib.machine import machine_name
from midrib.storage import write_json

T = TypeVar("T")
NOT_INSTALLED = "not installed"
_WIDEST_COLUMNS = 1000


@dataclass(frozen=True)
class Spread:
    """One figure over the rounds: median, smallest and largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Iterable[float]) -> Self:
        """The spread of one figure a round. Raises ``ValueError`` without any."""
        values = list(rounds)
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return (
            f"{format_number(self.median)}  ({format_number(self.low)}–{format_number(self.high)})"
        )


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ``figures``: by column heading, with the unit in the heading; a text stands where nothing
    could be measured, as 'not installed'.
    """

    case: str
    candidate: str
    figures: Mapping[str, Spread | str]


@dataclass(frozen=True)
class Goal:
    """A promise and how it stands. The unit is part of ``name``."""

    name: str
    goal: float
    figure: float
    direction: Literal["at least", "at most"] = "at least"

    @property
    def met(self) -> bool:
        if self.direction == "at least":
            return self.figure >= self.goal
        return self.figure <= self.goal

    def as_record(self) -> dict[str, object]:
        return {
            "name": self.name,
            "goal": self.goal,
            "direction": self.direction,
            "figure": self.figure,
            "met": self.met,
        }


@dataclass(frozen=True)
class Results:
    """What a benchmark found; ``notes`` say what a reader must know to read the figures."""

    rows: Sequence[Row]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()


def interleaved(candidates: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call every candidate once a round and gather what each returned, in order of rounds.

    Interleaving, with the order turned round every other time, lets a change of the machine's
    speed fall on all alike: compare round by round with `paired`.
    """
    found: dict[str, list[T]] = {name: [] for name in candidates}
    order = list(candidates)
    for number in range(rounds):
        for name in order:
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            found[name].append(candidates[name]())
        order.reverse()
    return found


def calls_per_second(call: Callable[[], object], *, seconds: float) -> float:
    """Call again and again for at least ``seconds``, then tell the rate."""
    calls, started = 0, time.perf_counter()
    while True:
        call()
        calls += 1
        passed = time.perf_counter() - started
        if passed >= seconds:
            return calls / passed


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """How many times ``theirs`` each of ``ours`` is, round by round."""
    return Spread.of(mine / other for mine, other in zip(ours, theirs, strict=True))


def installed_version(distribution: str) -> str:
    """The version of an installed distribution, or 'not installed'."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return NOT_INSTALLED


def run(
    name: str,
    measure: Callable[[argparse.Namespace], Results],
    *,
    libraries: Sequence[str],
    arguments: Callable[[argparse.ArgumentParser], object] | None = None,
) -> None:
    """Parse the command line, measure, print the table and write the JSON.

    Args:
        name: the module below ``benchmarks``.
        measure: does the work; ``options.quick`` asks for few and short rounds.
        libraries: distributions whose versions the figures depend on.
        arguments: adds the benchmark's own options to the parser.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=(measure.__doc__ or "").strip()
    )
    parser.add_argument("--quick", action="store_true", help="few, short rounds: a smoke test")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    if arguments is not None:
        arguments(parser)
    options = parser.parse_args()
    report = _report(name, options, measure(options), libraries)
    _print(report)
    if options.json is not None:
        write_json(options.json, report.as_record())


@dataclass(frozen=True)
class _Report:
    """Results with all that they depend on."""

    name: str
    quick: bool
    date: str
    machine: str
    versions: Mapping[str, str]
    results: Results

    def as_record(self) -> dict[str, object]:
        return {
            "name": self.name,
            "quick": self.quick,
            "date": self.date,
            "machine": self.machine,
            "versions": dict(self.versions),
            "goals": [goal.as_record() for goal in self.results.goals],
            "rows": [
                {
                    "case": row.case,
                    "candidate": row.candidate,
                    "figures": {
                        heading: figure if isinstance(figure, str) else vars(figure)
                        for heading, figure in row.figures.items()
                    },
                }
                for row in self.results.rows
            ],
            "notes": list(self.results.notes),
        }


def _report(
    name: str, options: argparse.Namespace, results: Results, libraries: Sequence[str]
) -> _Report:
    versions = {library: installed_version(library) for library in ("midrib", *libraries)}
    return _Report(
        name=name,
        quick=options.quick,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine_name(),
        versions={"python": platform.python_version(), **versions},
        results=results,
    )


def _print(report: _Report) -> None:
    table = _table(report)
    # No figure is cut off, however narrow the terminal or none at all.
    needed = Console(width=_WIDEST_COLUMNS).measure(table).maximum
    console = Console(highlight=False, width=max(Console().width, needed))
    console.print(table)
    console.print("median (smallest–largest) of interleaved rounds", style="dim")
    for note in report.results.notes:
        console.print(note, style="dim", markup=False, soft_wrap=True)
    for goal in report.results.goals:
        verdict = "[green]met[/]" if goal.met else "[bold red]NOT MET[/]"
        wanted = f"{goal.direction} {format_number(goal.goal)}"
        console.print(
            f"goal  {escape(goal.name)}: {wanted}, measured {format_number(goal.figure)}  {verdict}"
        )
    versions = ", ".join(f"{library} {number}" for library, number in report.versions.items())
    console.print(f"machine   {report.machine}", soft_wrap=True)
    console.print(f"versions  {versions}", soft_wrap=True)
    console.print(f"date      {report.date}" + ("  (quick: not for quoting)" * report.quick))


def _table(report: _Report) -> Table:
    headings = list(dict.fromkeys(name for row in report.results.rows for name in row.figures))
    table = Table(title=f"benchmarks.{report.name}", title_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column("candidate", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    before = None
    for row in report.results.rows:
        if before not in {None, row.case}:
            table.add_section()
        shown = [str(row.figures.get(heading, "")) for heading in headings]
        table.add_row("" if row.case == before else row.case, row.candidate, *shown)
        before = row.case
    return table


def format_number(value: float) -> str:
    """Three significant digits, thousands with separators."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

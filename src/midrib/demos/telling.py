"""What every demonstration tells at its end: goals beside figures, seconds, where things lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from midrib.pipeline import Trained


def at_least(name: str, goal: float, figure: float) -> dict[str, object]:
    """A goal that a figure has to reach, as benchmarks write it."""
    return {
        "name": name,
        "goal": goal,
        "direction": "at least",
        "figure": figure,
        "met": figure >= goal,
    }


def within_seconds(goal: float, total: float) -> dict[str, object]:
    """The goal of the whole demonstration's time."""
    return {
        "name": "seconds after installation",
        "goal": goal,
        "direction": "at most",
        "figure": total,
        "met": total <= goal,
    }


def lines_of_seconds(
    seconds: Mapping[str, float], total: float, goal: float, *, reused: bool
) -> list[str]:
    """A line a stage, and one for all of them."""
    told = "(with work of an earlier time)" if reused else f"(goal {goal:g} s)"
    return [
        *(f"{stage:<12} {each:7.1f} s" for stage, each in seconds.items()),
        f"{'in all':<12} {total:7.1f} s {told}",
    ]


def lines_of_places(trained: Trained, home: Path) -> list[str]:
    """Where everything lies."""
    return [
        f"report       {trained.run.report}",
        f"run          {trained.run.path}",
        f"package      {trained.package}",
        f"home         {home}",
    ]

"""Seconds from typing a command to its help, and to a server's code being loaded.

Goal: ``midrib --help`` within 0.3 s. An empty Python stands beside it: nothing can be quicker.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial

from benchmarks.harness import Goal, Results, Row, Spread, interleaved, run

HELP = "midrib --help"
GOAL_SECONDS = 0.3
CASES = {
    "python -c pass": "pass",
    HELP: "from midrib.cli import main; main()",
    "import midrib": "import midrib",
    "import midrib.engines": "import midrib.engines",
    "import midrib.serving": "import midrib.serving",
}


def measure(options: argparse.Namespace) -> Results:
    """Wall time of whole processes, their start included."""
    rounds = 3 if options.quick else 21
    calls = {case: partial(_seconds, _command(case, code)) for case, code in CASES.items()}
    for call in calls.values():
        call()  # the first one reads from the disk and writes byte code
    seconds: dict[str, list[float]] = interleaved(calls, rounds)
    rows = [
        Row("start", case, {"seconds": Spread.of(seconds[case])})
        for case in sorted(CASES, key=lambda case: Spread.of(seconds[case]).median)
    ]
    figure = Spread.of(seconds[HELP]).median
    goal = Goal(f"{HELP}, seconds", GOAL_SECONDS, figure, direction="at most")
    return Results(rows, goals=[goal], notes=["everything was read once before, as by a user"])


def _command(case: str, code: str) -> list[str]:
    arguments = ["--help"] if case == HELP else []
    return [sys.executable, "-c", code, *arguments]


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    run("startup", measure, libraries=["typer", "rich", "numpy", "starlette", "granian"])

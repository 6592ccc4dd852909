"""Checking pictures of 640 × 480: seconds and peak memory, ours against cleanvision's.

Goals: 10,000 pictures in at most 60 s on two cores, a cost that is linear, and no slower than
cleanvision. Both run in a process of their own and open every file. cleanvision is not among
midrib's dependencies; install it aside:

    pip install --target peers --no-deps cleanvision==0.3.7 ImageHash==4.3.2 PyWavelets==1.9.0 \
        pandas==3.1.1
    python -m benchmarks.health --peers peers
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.harness import NOT_INSTALLED, Goal, Results, Row, Spread, interleaved, paired, run
from benchmarks.health_pictures import SIZE, Planted, lay_out
from benchmarks.health_run import OURS, PEER, Found
from benchmarks.pictures import Size, photographs
from midrib.machine import usable_cores

COUNT, FEWER = 10_000, 2_500
FAULTS = 20
"""Of each kind, planted."""

GOAL_SECONDS = 60.0
GOAL_LINEAR = 1.25
"""Seconds a picture of many, over those of few."""

_ROUNDS = 3
_SOURCE_SIZE = Size(1280, 853)


@dataclass(frozen=True)
class Cost:
    """What one check cost, and what it found."""

    seconds: float
    peak_bytes: int
    found: Found


def measure(options: argparse.Namespace) -> Results:
    """Seconds to check a folder of pictures, from their files to what is wrong with them."""
    counts = (200, 100) if options.quick else (COUNT, FEWER)
    faults, rounds = (4, 1) if options.quick else (FAULTS, _ROUNDS)
    there = _peer_version(options.peers)
    many, few = counts
    cases = [(OURS, many), (OURS, few), *([(PEER, few)] if there else [])]
    pictures, origin = photographs(options.pictures, _SOURCE_SIZE, 8)
    with tempfile.TemporaryDirectory() as parent:
        folders = {count: Path(parent) / str(count) for count in counts}
        planted = {count: lay_out(folders[count], pictures, count, faults) for count in counts}
        costs = interleaved(
            {
                _case(name, count): partial(_check, name, folders[count], options.peers)
                for name, count in cases
            },
            rounds,
        )
    rows = [_row(count, name, costs[_case(name, count)], planted[count]) for name, count in cases]
    if not there:
        rows.append(Row(_pictures(few), PEER, {"seconds": NOT_INSTALLED}))
    notes = [
        f"collages of {origin}, {SIZE.width} × {SIZE.height}, quality 90; {usable_cores()} cores",
        "found: of the files with a planted fault, as that fault",
        f"cleanvision {there}" if there else f"cleanvision is {NOT_INSTALLED}: see --help",
    ]
    return Results(rows=rows, goals=_goals(many, few, costs), notes=notes)


def _goals(many: int, few: int, costs: dict[str, list[Cost]]) -> list[Goal]:
    seconds = {case: [cost.seconds for cost in found] for case, found in costs.items()}
    of_many, of_few = seconds[_case(OURS, many)], seconds[_case(OURS, few)]
    goals = [
        Goal(f"{many:,} pictures of 640 × 480, s", GOAL_SECONDS, median(of_many), "at most"),
        Goal(
            f"seconds a picture of {many:,}, as multiple of those of {few:,}",
            GOAL_LINEAR,
            paired(of_many, of_few).median * few / many,
            "at most",
        ),
    ]
    if theirs := seconds.get(_case(PEER, few)):
        figure = paired(theirs, of_few).median
        goals.append(Goal(f"{few:,} pictures, times as fast as cleanvision", 1.0, figure))
    return goals


def _row(count: int, name: str, costs: list[Cost], planted: Planted) -> Row:
    seconds = [cost.seconds for cost in costs]
    found = {
        f"{kind} found": f"{len(names & set(costs[-1].found[kind]))} of {len(names)}"
        for kind, names in planted.items()
    }
    return Row(
        _pictures(count),
        name,
        {
            "seconds": Spread.of(seconds),
            "pictures/s": Spread.of(count / each for each in seconds),
            "peak MB": Spread.of(cost.peak_bytes / 1e6 for cost in costs),
            **found,
        },
    )


def _case(name: str, count: int) -> str:
    return f"{name}, {_pictures(count)}"


def _pictures(count: int) -> str:
    return f"{count:,} pictures"


def _check(name: str, folder: Path, peers: Path | None) -> Cost:
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.health_run", name, folder],
        env=_environment(peers),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Cost(**json.loads(finished.stdout.splitlines()[-1]))


def _peer_version(peers: Path | None) -> str:
    """The version of cleanvision that a check would load; empty where there is none."""
    asked = f"import {PEER}; from importlib.metadata import version; print(version('{PEER}'))"
    finished = subprocess.run(
        [sys.executable, "-c", asked],
        env=_environment(peers),
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.stdout.strip() if finished.returncode == 0 else ""


def _environment(peers: Path | None) -> dict[str, str]:
    """Where libraries are looked for; ``--no-deps`` keeps midrib's own out of ``peers``."""
    found = [os.environ.get("PYTHONPATH", ""), str(peers.resolve()) if peers else ""]
    # cleanvision's bars cannot be switched off otherwise.
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
        "TQDM_DISABLE": "1",
    }


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="where cleanvision is")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="camera JPEGs to cut the pictures from; without it, scikit-learn's two photographs",
    )


if __name__ == "__main__":
    run("health", measure, libraries=["pillow", "simplejpeg", "numpy"], arguments=_arguments)

"""Seconds and memory of an index of a million pictures: opened, read in any order, compared.

Goals: it opens, with its version, counts and first picture, within a second; to go through every
picture takes a bounded memory of the process's own, however many there are. Beside it stands the
same table read whole into memory, as pyarrow does it at its quickest, without making items.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.harness import Goal, Results, Row, Spread, interleaved, run
from midrib.datasets import SPLITS, Dataset, Item
from midrib.datasets.annotations import Annotation
from midrib.datasets.index import compared, write_index

ROOT = Path("/pictures")
OPEN = "open, version, counts, first picture"
EVERY = "every picture in its order"
GOAL_SECONDS = 1.0
GOAL_MEGABYTES = 200.0

_PRELUDE = """
import json, sys, threading, time
from pathlib import Path
import pyarrow, pyarrow.parquet, pyarrow.compute
from midrib.datasets.index import open_index

def memory():
    lines = Path("/proc/self/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    return [int(told[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile")]

def watch():
    while not over.wait(0.02):
        seen.append(memory())

folder, before = Path(sys.argv[1]), memory()
seen, over = [before], threading.Event()
watcher = threading.Thread(target=watch)
watcher.start()
started, done = time.perf_counter(), 1
"""
_EPILOGUE = """
seconds = time.perf_counter() - started
over.set()
watcher.join()
peaks = [max(each) for each in zip(*seen, memory())]
print(json.dumps([seconds, done, *(peak - was for peak, was in zip(peaks, before))]))
"""
CASES = {
    OPEN: "d = open_index(folder); d.version; d.counts(); d.items[0]",
    "one split's length and last picture": "t = open_index(folder).of('train'); t[len(t) - 1]",
    "pictures in any order": (
        "import random; items = open_index(folder).items; done = min(20_000, len(items))\n"
        "for place in random.Random(0).sample(range(len(items)), done): items[place]"
    ),
    EVERY: ("items = open_index(folder).items; done = len(items)\nfor item in items: pass"),
    "the table read whole, no items": (
        "t = pyarrow.parquet.read_table(folder / 'index.parquet'); done = t.num_rows"
    ),
}


def measure(options: argparse.Namespace) -> Results:
    """Fresh processes over a generated index: time once everything is imported, memory added."""
    count, rounds = (20_000, 2) if options.quick else (options.count, 3)
    with tempfile.TemporaryDirectory(prefix="midrib-benchmark-") as aside:
        folder, other = Path(aside) / "old", Path(aside) / "new"
        written = _seconds_to_write(folder, count, changed=0)
        _seconds_to_write(other, count, changed=count // 100)
        calls = {
            case: partial(_measured, _PRELUDE + code + _EPILOGUE, folder)
            for case, code in CASES.items()
        }
        found = interleaved(calls, rounds)
        difference = [_seconds_to_compare(folder, other) for _ in range(rounds)]
    case = f"{count:,} pictures"
    rows = [Row(case, "write", _figures([[written, count, 0, 0]], count))]
    rows += [Row(case, name, _figures(figures, count)) for name, figures in found.items()]
    compare = [[seconds, count, 0, 0] for seconds in difference]
    rows.append(Row(case, "compare, one in a hundred relabelled", _figures(compare, count)))
    seconds = Spread.of(figures[0] for figures in found[OPEN]).median
    megabytes = Spread.of(figures[2] for figures in found[EVERY]).high
    goals = [
        Goal(f"{OPEN}, seconds", GOAL_SECONDS, seconds, direction="at most"),
        Goal(f"{EVERY}, own memory in MB", GOAL_MEGABYTES, megabytes, direction="at most"),
    ]
    notes = [
        "every picture has a box, every fourth a polygon; the file was written just before",
        "mapped memory is the system's, which takes it back when others need it",
    ]
    return Results(rows, goals=goals, notes=notes)


def _figures(rounds: list[list[float]], count: int) -> dict[str, Spread | str]:
    own, mapped = ([figures[place] for figures in rounds] for place in (2, 3))
    in_process = not any(own) and not any(mapped)
    return {
        "seconds": Spread.of(figures[0] for figures in rounds),
        "µs a picture": (
            Spread.of(figures[0] / figures[1] * 1e6 for figures in rounds)
            if rounds[0][1] > 1 or count == 1
            else ""
        ),
        "own memory at most, MB": "" if in_process else Spread.of(own),
        "mapped at most, MB": "" if in_process else Spread.of(mapped),
    }


def _items(count: int, changed: int) -> Iterator[Item]:
    outline = (1.0, 2.0, 300.5, 2.0, 300.5, 200.25)
    box = Annotation("crown", (10.0, 20.0, 310.5, 220.25))
    for number in range(count):
        label = "oak" if number < changed else f"tree-{number % 100}"
        annotation = replace(box, polygons=(outline,)) if number % 4 == 0 else box
        yield Item(
            path=ROOT / f"part-{number % 1000:03}" / f"{number:07}.jpg",
            labels=(label,),
            sha256=hashlib.sha256(number.to_bytes(8)).hexdigest(),
            bytes=100_000 + number,
            split=SPLITS[number % 10 // 8 + number % 10 // 9],
            width=4000,
            height=3000,
            mode="RGB",
            format="JPEG",
            annotations=(annotation,),
        )


def _seconds_to_write(folder: Path, count: int, *, changed: int) -> float:
    started = time.perf_counter()
    write_index(folder, Dataset(ROOT, (), ()), _items(count, changed))
    return time.perf_counter() - started


def _seconds_to_compare(old: Path, new: Path) -> float:
    started = time.perf_counter()
    with compared(old, new) as comparison:
        comparison.counts()
        list(comparison.changes(most_of_a_kind=3))
    return time.perf_counter() - started


def _measured(code: str, folder: Path) -> list[float]:
    finished = subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=True, stdout=subprocess.PIPE
    )
    figures: list[float] = json.loads(finished.stdout)
    return figures


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1_000_000, help="pictures of the index")


if __name__ == "__main__":
    run("index", measure, libraries=["pyarrow", "duckdb"], arguments=_arguments)

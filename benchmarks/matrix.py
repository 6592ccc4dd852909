"""Every backbone under every task in every engine: built, one step trained, exported, compared.

A backbone and task are tried in a process of their own; what was tried is kept in the home folder
and goes on from there, until the code or a library that it depends on is another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks.harness import Goal, Results, Row, Spread, run
from benchmarks.kept import code_of, kept
from midrib.backbones.catalogue import CATALOGUE
from midrib.engines import ENGINES
from midrib.selection.kept import library_versions
from midrib.work import WorkError, ask

TASKS = ("classification",)
TARGET = "ONNX"
_MAKERS = ("midrib", "torch", "torchvision", "timm", "onnx", "onnxscript")
_RUNNERS = ("onnxruntime", "openvino")
_ROOMS = ("backbones", "engines", "exporting", "tasks")
_QUICK_SIZE, _SIZE = 96, 128
_LONGEST_SECONDS = 900.0


@dataclass(frozen=True)
class Tried:
    """What became of one backbone under one task; ``reason`` is empty when nothing failed."""

    backbone: str
    task: str
    found: dict[str, Any]
    reason: str


def measure(options: argparse.Namespace) -> Results:
    """Build, train one step, export and compare; cells that fail are shown with their reason."""
    size = _QUICK_SIZE if options.quick else _SIZE
    names = list(_one_of_each_family() if options.quick else CATALOGUE)
    pairs = [(name, task) for name in names for task in TASKS]
    tried = [
        _tried(name, task, size, fresh=options.fresh)
        for name, task in track(pairs, "trying", disable=not sys.stderr.isatty())
    ]
    failed = [each for each in tried if each.reason]
    if options.strict and failed:
        raise SystemExit("\n".join(f"{each.backbone}: {each.reason}" for each in failed))
    share = 1 - len(failed) / len(tried)
    return Results(
        [_row(each) for each in tried],
        goals=[Goal("share of cells that pass", 1.0, share)],
        notes=[
            f"classifier of 3 classes from a random start, {size} pixels or the least that the "
            "backbone takes",
            "error: largest difference between the file's embedding and that of the model in 64 "
            "bit, after one step of training, relative to its largest value; at most 0.001 passes",
            "normalisation layers get statistics of the same pictures first",
        ],
    )


def _one_of_each_family() -> Iterator[str]:
    """The first, which is the smallest, of every family and library."""
    seen = set()
    for entry in CATALOGUE.values():
        if (entry.family, entry.source) not in seen:
            seen.add((entry.family, entry.source))
            yield entry.name


def _tried(name: str, task: str, size: int, *, fresh: bool) -> Tried:
    request = {"backbone": name, "size": size}
    code = code_of(_ROOMS, Path(__file__).with_name("matrix_cell.py"))
    depends = [task, request, library_versions((*_MAKERS, *_RUNNERS)), code]
    record = kept(
        f"{name}-{task}", depends, partial(_try, request), benchmark="matrix", fresh=fresh
    )
    return Tried(name, task, record["found"], record["reason"])


def _try(request: dict[str, Any]) -> dict[str, Any]:
    try:
        found = ask(
            "benchmarks.matrix_cell:try_cell",
            request,
            seconds=_LONGEST_SECONDS,
            environment={"OMP_NUM_THREADS": "2", "MIDRIB_OFFLINE": "1", "HF_HUB_OFFLINE": "1"},
        )
    except WorkError as problem:
        return {"found": {}, "reason": str(problem)}
    return {"found": found, "reason": ""}


def _row(tried: Tried) -> Row:
    if tried.reason:
        return Row(tried.backbone, f"{tried.task} ▸ {TARGET}", {"outcome": tried.reason})
    figures: dict[str, Spread | str] = {"outcome": "passed", "pixels": str(tried.found["size"])}
    figures["file MB"] = Spread.of([tried.found["megabytes"]])
    for engine in ENGINES:
        figures[f"error in {engine}"] = f"{tried.found['errors'][engine]:.1e}"
    return Row(tried.backbone, f"{tried.task} ▸ {TARGET}", figures)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="fail when a cell does")
    parser.add_argument("--fresh", action="store_true", help="forget what was tried before")


if __name__ == "__main__":
    run("matrix", measure, libraries=[*_MAKERS[1:], *_RUNNERS], arguments=_arguments)

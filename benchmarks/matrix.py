"""Every backbone under every algorithm: built, one step trained, exported, compared with its file.

A backbone and algorithm are tried in a process of their own; what passed is kept in the home folder
and not tried again, until the code or a library that it depends on is another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from benchmarks.harness import Goal, Results, Row, Spread, run
from benchmarks.kept import code_of, kept
from midrib.backbones.catalogue import CATALOGUE, canonical_name
from midrib.engines import ENGINES
from midrib.errors import UnknownNameError
from midrib.selection.kept import library_versions
from midrib.storage import read_json
from midrib.tasks import ALGORITHMS
from midrib.work import WorkError, ask

TARGET = "ONNX"
QUICK_CELLS = 20
"""At most, so that whoever changes a line can wait for them."""

PASSED = "passed"
_MAKERS = ("midrib", "torch", "torchvision", "timm", "segmentation-models-pytorch")
_EXPORTERS = ("onnx", "onnxscript")
_RUNNERS = ("onnxruntime", "openvino")
_ROOMS = ("backbones", "engines", "exporting", "tasks")
_CELL_FILES = ("matrix_cell.py", "matrix_answers.py")
_QUICK_SIZE, _SIZE = 64, 128
_LONGEST_SECONDS = 900.0


@dataclass(frozen=True)
class Tried:
    """What became of one backbone under one algorithm on that day.

    ``reason`` is empty if nothing failed.
    """

    backbone: str
    algorithm: str
    day: str
    found: dict[str, Any]
    reason: str


def measure(options: argparse.Namespace) -> Results:
    """Build, train one step, export and compare; cells that fail are shown with their reason."""
    size = _QUICK_SIZE if options.quick else _SIZE
    pairs = chosen_pairs(options)
    tried = [
        _tried(*pair, size, fresh=options.fresh)
        for pair in track(pairs, "trying", disable=not sys.stderr.isatty())
    ]
    failed = [each for each in tried if each.reason]
    if options.strict and failed:
        raise SystemExit(
            "\n".join(f"{each.backbone}, {each.algorithm}: {each.reason}" for each in failed)
        )
    share = 1 - len(failed) / len(tried)
    return Results(
        with_standing(list(map(_row, tried)), options.json),
        goals=[Goal("share of cells tried now that pass", 1.0, share)],
        notes=[
            f"2 classes from a random start, {size} pixels or the least that the backbone takes",
            "error: largest difference between the file's outputs and those of the model in 64 "
            "bit, after one step of training, relative to the output's largest value; at most "
            "0.001 passes, or ten times what the model itself is off in 32 bit",
            "two-stage detectors, whose candidates stand in the order of their scores: the error "
            "of the embedding; their objects are matched as `midrib export` does",
            "normalisation layers get statistics of the same pictures first",
        ],
    )


def chosen_pairs(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Backbones and algorithms to try: all that are chosen, or quickly each of them once."""
    algorithms = options.algorithm or list(ALGORITHMS)
    if not options.quick:
        return [(name, each) for name in options.backbone or CATALOGUE for each in algorithms]
    names = options.backbone or list(_one_of_each_family())
    # From the last on: so the detectors of two stages, which cost most, do not meet the largest.
    return once_each(names, algorithms[::-1])


def once_each(names: Sequence[str], algorithms: Sequence[str]) -> list[tuple[str, str]]:
    """Every name and every algorithm in some pair, in as few pairs as that takes."""
    count = max(len(names), len(algorithms))
    return [(names[i % len(names)], algorithms[i % len(algorithms)]) for i in range(count)]


def _one_of_each_family() -> Iterator[str]:
    """The first, which is the smallest, of every family and library."""
    seen = set()
    for entry in CATALOGUE.values():
        if (entry.family, entry.source) not in seen:
            seen.add((entry.family, entry.source))
            yield entry.name


def _tried(name: str, algorithm: str, size: int, *, fresh: bool) -> Tried:
    request = {"backbone": name, "algorithm": algorithm, "size": size}
    code = code_of(_ROOMS, *(Path(__file__).with_name(file) for file in _CELL_FILES))
    depends = [request, library_versions((*_MAKERS, *_EXPORTERS, *_RUNNERS)), code]
    label = f"{name}-{algorithm}".replace(":", "-").replace("/", "-")
    try:
        record = kept(label, depends, partial(_try, request), benchmark="matrix", fresh=fresh)
    except WorkError as problem:  # not kept: what failed is tried again
        return Tried(name, algorithm, _today(), {}, str(problem))
    return Tried(name, algorithm, record["day"], record["found"], "")


def _try(request: dict[str, Any]) -> dict[str, Any]:
    found = ask(
        "benchmarks.matrix_cell:try_cell",
        request,
        seconds=_LONGEST_SECONDS,
        environment={"OMP_NUM_THREADS": "2", "MIDRIB_OFFLINE": "1", "HF_HUB_OFFLINE": "1"},
    )
    return {"day": _today(), "found": found}


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _row(tried: Tried) -> Row:
    candidate = f"{tried.algorithm} ▸ {TARGET}"
    figures: dict[str, Spread | str] = {"tried": tried.day, "outcome": tried.reason or PASSED}
    if tried.reason:
        return Row(tried.backbone, candidate, figures)
    found = tried.found
    figures["pixels"] = str(found["size"])
    figures["file MB"] = Spread.of([found["megabytes"]])
    for engine in ENGINES:
        figures[f"error in {engine}"] = f"{found['errors'][engine]:.1e}"
    if found["objects"] is not None:
        figures["objects matched"] = str(found["objects"])
    return Row(tried.backbone, candidate, figures)


def with_standing(rows: Sequence[Row], file: Path | None) -> list[Row]:
    """``rows`` with those of an earlier result in ``file`` that none of them takes the place of."""
    placed = {_place(row): row for row in [*_standing(file), *rows]}
    return [placed[place] for place in sorted(placed, key=_order)]


def _standing(file: Path | None) -> list[Row]:
    if file is None or not file.is_file():
        return []
    return [
        Row(
            row["case"],
            row["candidate"],
            {name: _figure(row["figures"][name]) for name in row["figures"]},
        )
        for row in read_json(file)["rows"]
    ]


def _figure(kept_figure: str | dict[str, float]) -> Spread | str:
    return kept_figure if isinstance(kept_figure, str) else Spread(**kept_figure)


def _place(row: Row) -> tuple[str, str]:
    return row.case, row.candidate


def _order(place: tuple[str, str]) -> tuple[int, tuple[str, str]]:
    """Backbones as they are listed, further ones after them."""
    listed = list(CATALOGUE)
    return (listed.index(place[0]) if place[0] in CATALOGUE else len(listed)), place


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="fail when a cell does")
    parser.add_argument("--fresh", action="store_true", help="forget what was tried before")
    parser.add_argument(
        "--backbone", action="append", type=_backbone, help="only this; may be given several times"
    )
    parser.add_argument(
        "--algorithm",
        action="append",
        type=_algorithm,
        help="only this; may be given several times",
    )


def _backbone(typed: str) -> str:
    try:
        return canonical_name(typed)
    except UnknownNameError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _algorithm(typed: str) -> str:
    try:
        ALGORITHMS.get(typed)
    except UnknownNameError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    return typed


if __name__ == "__main__":
    libraries = [*_MAKERS[1:], *_EXPORTERS, *_RUNNERS]
    run("matrix", measure, libraries=libraries, arguments=_arguments)

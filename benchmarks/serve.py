"""Requests a second and their latency: our server, the limit in process, and FastAPI.

All three run the same ONNX file in the same engine; the limit and our server decode alike.
Goal: at least 0.9 of the limit, though the load tool takes its share of the same cores.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.error import URLError

import psutil  # type: ignore[import-untyped]  # it carries no types

from benchmarks import fastapi_peer
from benchmarks.harness import Goal, Results, Row, Spread, interleaved, paired, run
from benchmarks.in_process import InProcess, Layout
from benchmarks.load import Seen
from benchmarks.model import LABELS, benchmark_package
from benchmarks.pictures import Size, photographs
from midrib.packages import Package
from midrib.serving import ServeConfig, ServerProcess
from midrib.settings import Settings

SIZES = {"640 × 427": Size(640, 427), "12 MP": Size(4000, 3000)}
CLIENTS = (1, 16)
ENGINE = "onnxruntime"
LIMIT, OURS, PEER = "in process", "midrib", "FastAPI + Pillow"
GOAL = 0.9
_QUALITY = 90
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """One picture, asked for by so many clients at once."""

    name: str
    picture: Path
    clients: int


@dataclass(frozen=True)
class Server:
    """Where a candidate listens, and its process."""

    url: str
    pid: int


@dataclass(frozen=True)
class Round:
    """One candidate in one case, once. ``cpu_seconds`` are those of whatever answered."""

    seen: Seen
    cpu_seconds: float

    @property
    def cpu_milliseconds(self) -> float:
        """For each answered request."""
        return self.cpu_seconds * 1000 / len(self.seen.milliseconds)


def measure(options: argparse.Namespace) -> Results:
    """Measure requests a second and latency of our server, the limit and FastAPI."""
    # Many short rounds: the speed of a shared machine changes within seconds.
    rounds, seconds = (2, 1.5) if options.quick else (11, 1.2)
    package = benchmark_package()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cases, origin = _cases(folder)
        limit = InProcess(package, ENGINE)
        ours = stack.enter_context(_ours(package, folder))
        peer = stack.enter_context(_peer(package))
        rows, goals, notes = [], [], [f"pictures: {origin}"]
        for case in cases:
            data = case.picture.read_bytes()
            layout = limit.best_layout(data, clients=case.clients, seconds=seconds / 4)
            candidates = {
                LIMIT: partial(_ask_limit, limit, data, layout, seconds),
                OURS: partial(_ask_server, ours, case, seconds),
                PEER: partial(_ask_server, peer, case, seconds),
            }
            found = interleaved(candidates, rounds)
            rows += [_row(case, name, found[name], found[LIMIT]) for name in found]
            goals.append(_goal(case, found))
            notes.append(_note(case, layout, found[OURS]))
    return Results(rows=rows, goals=goals, notes=[*notes, *_EXPLANATIONS])


_EXPLANATIONS = (
    "the load tool is python -m benchmarks.load, a process on the same cores; the limit runs "
    "without it",
    "a server's CPU is that of its process; midrib also writes its prediction log",
    "in process, one prediction waits for no other: its latency is told with one client only",
    "FastAPI runs in uvicorn with one worker: a def endpoint in the thread pool, ONNX Runtime's "
    "default session",
)


def _cases(folder: Path) -> tuple[list[Case], str]:
    cases, origins = [], []
    for name, size in SIZES.items():
        [photo], origin = photographs(None, size, 1)
        stream = io.BytesIO()
        photo.save(stream, "JPEG", quality=_QUALITY)
        file = folder / f"{size.width}.jpg"
        file.write_bytes(stream.getvalue())
        origins.append(f"{name} {len(stream.getvalue()):,} bytes ({origin})")
        cases += [
            Case(f"{name}, {clients} client{'s' * (clients > 1)}", file, clients)
            for clients in CLIENTS
        ]
    return cases, "; ".join(origins)


@contextmanager
def _ours(package: Package, folder: Path) -> Iterator[Server]:
    config = ServeConfig(port=0, engine=ENGINE)
    with ServerProcess([package.folder], config, Settings(home=folder / "home")) as server:
        yield Server(f"{server.url}/v1/models/{package.card.name}:predict", server.pid)


@contextmanager
def _peer(package: Package) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        fastapi_peer.MODEL: str(package.file(package.card.variant())),
        fastapi_peer.SIDE: str(package.card.input.height),
        fastapi_peer.LABELS: ",".join(LABELS),
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.fastapi_peer:create_app"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--no-access-log", "--log-level", "warning"],
        env={**os.environ, **environment},
    )
    try:
        _await(f"http://127.0.0.1:{port}/docs")
        yield Server(f"http://127.0.0.1:{port}/predict", process.pid)
    finally:
        process.terminate()
        process.wait()


def _await(url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - an address of our own making
        except URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _ask_limit(limit: InProcess, data: bytes, layout: Layout, seconds: float) -> Round:
    seen = limit.ask(data, layout, seconds=seconds)
    return Round(seen, seen.cpu_seconds)


def _ask_server(server: Server, case: Case, seconds: float) -> Round:
    process = psutil.Process(server.pid)
    before = process.cpu_times()
    seen = Seen.of(server.url, case.picture, clients=case.clients, seconds=seconds)
    after = process.cpu_times()
    if seen.failures:
        raise SystemExit(f"{server.url} failed {seen.failures} times: nothing was measured")
    return Round(seen, after.user + after.system - before.user - before.system)


def _row(case: Case, name: str, rounds: Sequence[Round], limit: Sequence[Round]) -> Row:
    alone = name != LIMIT or case.clients == 1
    return Row(
        case.name,
        name,
        {
            "requests/s": Spread.of(round_.seen.per_second for round_ in rounds),
            "of the limit": _of(rounds, limit) if name != LIMIT else "",
            "p50 ms": _percentile(rounds, 50) if alone else "",
            "p99 ms": _percentile(rounds, 99) if alone else "",
            "CPU ms/request": Spread.of(round_.cpu_milliseconds for round_ in rounds),
        },
    )


def _percentile(rounds: Sequence[Round], percent: int) -> Spread:
    return Spread.of(
        statistics.quantiles(round_.seen.milliseconds, n=100)[percent - 1] for round_ in rounds
    )


def _of(rounds: Sequence[Round], limit: Sequence[Round]) -> Spread:
    return paired(
        [round_.seen.per_second for round_ in rounds], [round_.seen.per_second for round_ in limit]
    )


def _goal(case: Case, found: dict[str, list[Round]]) -> Goal:
    return Goal(f"{case.name}: share of the limit", GOAL, _of(found[OURS], found[LIMIT]).median)


def _note(case: Case, layout: Layout, ours: Sequence[Round]) -> str:
    tool = statistics.median(
        round_.seen.cpu_seconds * 1000 / len(round_.seen.milliseconds) for round_ in ours
    )
    return (
        f"{case.name}: best layout of the limit {layout} (callers × engine threads), "
        f"load tool {tool:.2f} CPU ms a request"
    )


if __name__ == "__main__":
    run(
        "serve",
        measure,
        libraries=[
            "onnxruntime",
            "granian",
            "starlette",
            "fastapi",
            "uvicorn",
            "pillow",
            "simplejpeg",
        ],
    )

"""One round of one cell, in a fresh process: load ▸ memory ▸ latency ▸ throughput."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from midrib.config import Config
from midrib.engines import ENGINES, EngineOptions, Precision
from midrib.records import Outputs, PixelBatch
from midrib.selection.config import EAGER
from midrib.selection.energy import EnergyMeter
from midrib.selection.memory import MemoryGrowth
from midrib.selection.neighbours import Neighbours
from midrib.selection.quantizing import noise_pictures
from midrib.selection.records import Round

_WARM_UP_CALLS = 3
_LEAST_CALLS = 10

Run = Callable[[PixelBatch], Outputs]


class RoundRequest(Config):
    """What to run and for how long; see `CostConfig`.

    ``file`` is None for eager torch, which takes ``backbone`` and ``size`` instead. ``height`` and
    ``width`` are those of the pictures.
    """

    backbone: str
    size: int | None
    engine: str
    file: Path | None
    computed_in: Precision
    device: str
    threads: int
    height: int
    width: int
    batch: int
    seconds: float


def measure_round(request: dict[str, Any]) -> dict[str, Any]:
    """One `Round`, JSON-ready."""
    wanted = RoundRequest(**request)
    load = _loader(wanted)
    pictures = noise_pictures(wanted.batch, wanted.height, wanted.width)
    single = pictures[:1]

    growth, started = MemoryGrowth(), time.perf_counter()
    run = load()
    run(single)
    load_seconds = time.perf_counter() - started
    _warm_up(run, single)

    meter, neighbours = EnergyMeter(), Neighbours()
    calls_ms = _timed(run, single, wanted.seconds)
    joules = meter.joules()
    memory = growth.peak_bytes()
    _warm_up(run, pictures)
    batches_ms = _timed(run, pictures, wanted.seconds)

    return Round(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        calls=len(calls_ms),
        p50_ms=float(np.percentile(calls_ms, 50)),
        p99_ms=float(np.percentile(calls_ms, 99)),
        pictures_per_second=1000 * len(pictures) * len(batches_ms) / sum(batches_ms),
        load_seconds=None if wanted.file is None else load_seconds,
        memory_bytes=memory,
        batch_memory_bytes=growth.peak_bytes(),
        joules=None if joules is None else joules / len(calls_ms),
        foreign_cores=neighbours.cores(),
    ).model_dump()


def _loader(wanted: RoundRequest) -> Callable[[], Run]:
    """What loads the model, with all its libraries imported: they are no part of its cost."""
    if wanted.engine == EAGER:
        from midrib.selection.eager import EagerModel

        return lambda: EagerModel(wanted.backbone, wanted.size, wanted.device, wanted.threads).run
    engine, file = ENGINES.get(wanted.engine), wanted.file
    import_module(engine.module)
    if file is None:
        raise AssertionError("only eager torch runs without a file")
    options = EngineOptions(
        threads=wanted.threads, device=wanted.device, precision=wanted.computed_in
    )
    return lambda: engine(file, options).run


def _warm_up(run: Run, pictures: PixelBatch) -> None:
    for _ in range(_WARM_UP_CALLS):
        run(pictures)


def _timed(run: Run, pictures: PixelBatch, seconds: float) -> list[float]:
    """Milliseconds of each call: for at least ``seconds``, and at least ten of them."""
    calls_ms: list[float] = []
    until = time.perf_counter() + seconds
    while len(calls_ms) < _LEAST_CALLS or time.perf_counter() < until:
        started = time.perf_counter()
        run(pictures)
        calls_ms.append((time.perf_counter() - started) * 1000)
    return calls_ms

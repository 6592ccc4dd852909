"""Measure every engine on this machine with this file, take the fastest, remember it."""

from __future__ import annotations

import json
import statistics
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from midrib.config import fingerprint
from midrib.engines.interface import ENGINES, Engine, EngineOptions, available_engines
from midrib.errors import MissingExtraError, StorageError
from midrib.machine import machine_name
from midrib.packages import Package, Variant
from midrib.storage import storage_errors, write_json

AUTO = "auto"
_WARM_UP_CALLS = 3
_MEASURED_CALLS = 15


@dataclass(frozen=True)
class Measurement:
    """Milliseconds of one picture through one engine: median and slowest of the calls."""

    engine: str
    version: str
    median_ms: float
    slowest_ms: float
    calls: int


@dataclass(frozen=True)
class Choice:
    """The engine taken, and why."""

    engine: str
    reason: str
    measurements: list[Measurement]
    remembered: bool


def choose_engine(
    package: Package,
    variant: Variant,
    *,
    wanted: str = AUTO,
    options: EngineOptions | None = None,
    memory: Path | None = None,
) -> Choice:
    """Decide which engine runs ``variant`` here.

    Args:
        package: the package that holds the variant.
        variant: the file to run.
        wanted: an engine's name, or 'auto' to measure those that are installed.
        options: how engines use the machine.
        memory: a JSON file that remembers choices by model file, machine and engine versions.

    Raises:
        UnknownNameError: no engine is called ``wanted``.
        MissingExtraError: it is not installed.
    """
    options = options or EngineOptions()
    if wanted != AUTO:
        engine = ENGINES.get(wanted)
        if not engine.is_installed():
            raise MissingExtraError(f"the engine '{wanted}'", extra=engine.extra)
        return Choice(wanted, "it was asked for", [], remembered=False)
    engines = available_engines()
    if len(engines) == 1:
        return Choice(engines[0].name, "it is the only one installed", [], remembered=False)
    key = _memory_key(variant, engines, options)
    known = _recall(memory, key)
    measurements = known or [_measure(engine, package, variant, options) for engine in engines]
    if memory is not None and known is None:
        _remember(memory, key, measurements)
    best, *others = sorted(measurements, key=lambda measured: measured.median_ms)
    compared = ", ".join(f"{other.engine} {other.median_ms:.2f} ms" for other in others)
    reason = f"fastest here for one picture: {best.median_ms:.2f} ms, against {compared}"
    return Choice(best.engine, reason, measurements, remembered=known is not None)


def _measure(
    engine: type[Engine], package: Package, variant: Variant, options: EngineOptions
) -> Measurement:
    loaded = engine(package.file(variant), options)
    shape = (1, package.card.input.height, package.card.input.width, package.card.input.channels)
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for _ in range(_WARM_UP_CALLS):
        loaded.run(picture)
    calls_ms = []
    for _ in range(_MEASURED_CALLS):
        started = time.perf_counter()
        loaded.run(picture)
        calls_ms.append((time.perf_counter() - started) * 1000)
    return Measurement(
        engine=engine.name,
        version=engine.version(),
        median_ms=statistics.median(calls_ms),
        slowest_ms=max(calls_ms),
        calls=_MEASURED_CALLS,
    )


def _memory_key(variant: Variant, engines: list[type[Engine]], options: EngineOptions) -> str:
    return fingerprint(
        {
            "file": variant.sha256,
            "machine": machine_name(),
            "options": options.model_dump(mode="json"),
            "engines": {engine.name: engine.version() for engine in engines},
        }
    )


def _recall(memory: Path | None, key: str) -> list[Measurement] | None:
    if memory is None:
        return None
    try:
        known = [Measurement(**measured) for measured in _load(memory).get(key, [])]
    except TypeError:
        return None  # remembered by a midrib that measured otherwise
    return known or None


def _remember(memory: Path, key: str, measurements: list[Measurement]) -> None:
    """Write down what was measured, where that is allowed: forgetting costs a second, no answer."""
    with suppress(StorageError), storage_errors(memory):
        memory.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{memory}.lock"):
            write_json(memory, {**_load(memory), key: [asdict(one) for one in measurements]})


def _load(memory: Path) -> dict[str, Any]:
    """What is remembered; a file that is missing or broken is measured anew, never an error."""
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from midrib.pipeline import compare_backbones
from midrib.pipeline.comparing import ComparedBackbones
from midrib.selection import CostConfig
from midrib.settings import Settings

MEASURED = "squeezenet-1.1"
TOO_SMALL_FOR = "alexnet"
"""At the size of these tests."""

ENGINES = ("onnxruntime", "openvino")
SHORT = CostConfig(engines=ENGINES, size=48, batch=2, threads=1, seconds=0.02, rounds=1)
_OPTIONS = ("--size", 48, "--batch", 2, "--threads", 1, "--seconds", 0.02, "--rounds", 1)
_CHOSEN = [word for name in ENGINES for word in ("--engine", name)]
_PATIENCE_SECONDS = 240.0


@dataclass(frozen=True)
class Compared:
    """A comparison that was killed, interrupted and then finished, with what was left each time.

    ``kept_after_…``: the finished cells' files and their content; ``built_after_…``: the models and
    when they were written, in nanoseconds.
    """

    settings: Settings
    kept_after_kill: dict[Path, str]
    kept_after_interrupt: dict[Path, str]
    built_after_kill: dict[Path, int]
    built_after_interrupt: dict[Path, int]
    interrupted: subprocess.CompletedProcess[str]
    result: ComparedBackbones


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a whole comparison takes a minute; the pages' example makes one every time."""
    for item in items:
        if "compared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    root = tmp_path_factory.mktemp("compared")
    settings = Settings(home=root / "home")
    _stop_when_kept(settings, 1, signal.SIGKILL)
    kept_after_kill = kept_cells(settings)
    built_after_kill = _models(settings)
    interrupted = _stop_when_kept(settings, len(kept_after_kill) + 1, signal.SIGINT)
    kept_after_interrupt, built_after_interrupt = kept_cells(settings), _models(settings)
    result = compare_backbones(
        [MEASURED, TOO_SMALL_FOR], config=SHORT, output=root / "shown", settings=settings
    )
    return Compared(
        settings,
        kept_after_kill,
        kept_after_interrupt,
        built_after_kill,
        built_after_interrupt,
        interrupted,
        result,
    )


def kept_cells(settings: Settings) -> dict[Path, str]:
    """The cells that are kept, and what of them."""
    return {path: path.read_text() for path in settings.costs.glob("cells/*/*.json")}


def _models(settings: Settings) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in settings.costs.rglob("*.onnx")}


def _stop_when_kept(
    settings: Settings, count: int, how: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, and stop it as soon as ``count`` cells are kept."""
    program = [sys.executable, "-c", "from midrib.cli import main; main()"]
    command = [*program, "backbones", "compare", MEASURED, *map(str, _OPTIONS), *_CHOSEN]
    process = subprocess.Popen(
        command,
        env={**os.environ, "MIDRIB_HOME": str(settings.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + _PATIENCE_SECONDS
    while len(kept_cells(settings)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(how)
    output, errors = process.communicate(timeout=_PATIENCE_SECONDS)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)

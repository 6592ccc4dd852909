"""Work in a process of its own: fresh, killable, and gone with whoever asked for it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from midrib.errors import EngineError, MidribError
from midrib.storage import read_json, write_json

_ENTRY = "import sys; from midrib.selection.apart import answer; sys.exit(answer(sys.argv[1:]))"
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_LONGEST_REASON = 300


class ApartError(Exception):
    """The process did not answer; the message says why, in one line."""


def ask(work: str, request: dict[str, Any], *, threads: int, seconds: float) -> Any:
    """What ``work`` makes of ``request``. Raises ``ApartError`` when it fails or is stopped.

    Args:
        work: 'module:function'; it takes the request and gives the answer, both JSON-ready, and
            need not be imported here.
        request: what it is given.
        threads: how many its numerical libraries may use.
        seconds: after which it is killed.
    """
    with TemporaryDirectory() as folder:
        answered = Path(folder) / "answer.json"
        command = [sys.executable, "-c", _ENTRY, work, json.dumps(request), str(answered)]
        # Random weights are all that is wanted here: nothing may be fetched, nothing be told.
        quiet = {"OMP_NUM_THREADS": str(threads), "MIDRIB_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
        try:
            finished = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=seconds,
                env={**os.environ, **quiet, "NNCF_CI": "1"},
            )
        except subprocess.TimeoutExpired:
            raise ApartError(f"no answer within {seconds:g} s") from None
        if finished.returncode != 0:
            raise ApartError(_reason(finished))
        return read_json(answered)


def answer(arguments: Sequence[str]) -> int:
    """Do what `ask` asked for and give the exit code; an error's last line is its reason."""
    _die_with_parent()
    work, request, answered = arguments
    module, _, name = work.partition(":")
    try:
        found = getattr(import_module(module), name)(json.loads(request))
        write_json(Path(answered), found)
    except Exception as problem:  # noqa: BLE001 - whatever it is becomes the reason that is told
        traceback.print_exc()
        sys.stderr.write(f"\n{_described(problem)}\n")
        return 1
    return 0


def _described(problem: BaseException) -> str:
    """What went wrong first, in one line: exporters wrap it in pages of advice."""
    if isinstance(problem, EngineError):
        return problem.came  # its advice is about packages
    if isinstance(problem, MidribError):
        return str(problem)
    while problem.__cause__ is not None:
        problem = problem.__cause__
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return f"{type(problem).__name__}: {lines[0] if lines else 'no reason given'}"


def _reason(finished: subprocess.CompletedProcess[str]) -> str:
    if finished.returncode < 0:
        name = signal.Signals(-finished.returncode).name
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {finished.returncode}, no reason given"
    return last if len(last) <= _LONGEST_REASON else last[: _LONGEST_REASON - 1] + "…"


def _die_with_parent() -> None:
    """Linux ends this process when the one that started it is gone, even if that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)

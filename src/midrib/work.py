"""Work done somewhere else: here in a process of its own.

It is fresh, bounded in time and memory, and gone with whoever asked for it. What it is asked and
what it answers are JSON, so that the work may as well be done on another machine.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from midrib.errors import MidribError
from midrib.storage import read_json, write_json

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_LONGEST_REASON = 300
_UNBOUNDED = 0


class WorkError(Exception):
    """The work was not done; the message says why in one line.

    ``came`` is the same without what was expected and what to do, where the work told that too.
    """

    def __init__(self, reason: str, came: str = "") -> None:
        self.came = came or reason
        super().__init__(reason)


def ask(
    work: str,
    request: dict[str, Any],
    *,
    seconds: float,
    memory_bytes: int = _UNBOUNDED,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """What ``work`` makes of ``request``. Raises ``WorkError`` when it fails or is stopped.

    Args:
        work: 'module:function'; it takes the request and gives the answer, both JSON-ready, and
            need not be imported here.
        request: what it is given.
        seconds: after which it is killed.
        memory_bytes: that it may have at most, where the system can hold it to that; 0 for any.
        environment: variables beside those that are set here.
    """
    with TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "request.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(request), encoding="utf-8")
        arguments = [work, str(asked), str(memory_bytes), str(answered)]
        try:
            finished = subprocess.run(
                [sys.executable, "-P", "-m", "midrib.work", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=seconds,
                env={**os.environ, **_same_modules(), **(environment or {})},
            )
        except subprocess.TimeoutExpired:
            raise WorkError(f"no answer within {seconds:g} s") from None
        if not answered.is_file():
            raise WorkError(_last_words(finished))
        told = read_json(answered)
    if "problem" in told:
        raise WorkError(*map(_shortened, told["problem"]))
    return told["answer"]


def _same_modules() -> dict[str, str]:
    """Lets a process find the modules that are found here, and no others.

    Together with -P, so that what lies in the current folder is not taken for one.
    """
    return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _answer(arguments: Sequence[str]) -> None:
    """Do what `ask` asked for, in the process that it started."""
    _die_with_parent()
    work, asked, memory_bytes, answered = arguments
    _bound_memory(int(memory_bytes))
    module, _, name = work.partition(":")
    try:
        told = {"answer": getattr(import_module(module), name)(read_json(Path(asked)))}
    except Exception as problem:  # noqa: BLE001 - whatever it is becomes the reason that is told
        told = {"problem": _described(problem)}
    write_json(Path(answered), told)


def _described(problem: BaseException) -> tuple[str, str]:
    """What went wrong, in one line with advice and in one without."""
    if isinstance(problem, MidribError):
        return str(problem), problem.came
    while problem.__cause__ is not None:
        # Exporters wrap what went wrong first in pages of advice.
        problem = problem.__cause__
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    reason = f"{type(problem).__name__}: {lines[0] if lines else 'no reason given'}"
    return reason, reason


def _last_words(finished: subprocess.CompletedProcess[str]) -> str:
    """Why a process ended that could not say so."""
    if finished.returncode < 0:
        name = signal.Signals(-finished.returncode).name
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
    return _shortened(lines[-1] if lines else f"exit code {finished.returncode}, no reason given")


def _shortened(reason: str) -> str:
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"


def _bound_memory(most_bytes: int) -> None:
    """So that what claims to be huge ends this process, not the machine."""
    if sys.platform == "win32" or most_bytes == _UNBOUNDED:
        return
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))


def _die_with_parent() -> None:
    """Linux ends this process when the one that started it is gone, even if that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


if __name__ == "__main__":
    _answer(sys.argv[1:])

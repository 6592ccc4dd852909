"""The command in processes that have torch loaded already, each forked from one that waits.

Loading takes seconds, and the tests type the command over a hundred times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path


class WarmStart:
    """Carries out ``midrib`` as a shell does: own process, folder, environment and exit code."""

    def __init__(self) -> None:
        self._waiting = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self,
        arguments: Sequence[object],
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
        joined: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """What came of ``midrib ARGUMENTS``; ``joined``: all that it says is in ``stdout``."""
        words = [str(argument) for argument in arguments]
        with tempfile.TemporaryDirectory() as place:
            out = Path(place, "out")
            error = out if joined else Path(place, "error")
            request = {
                "words": words,
                "folder": str(folder or Path.cwd()),
                "environment": dict(environment),
                "places": [str(out), str(error)],
            }
            code = self._ask(json.dumps(request))
            return subprocess.CompletedProcess(words, code, out.read_text(), error.read_text())

    def close(self) -> None:
        """End the one that waits."""
        self._waiting.communicate(timeout=60)

    def _ask(self, request: str) -> int:
        assert self._waiting.stdin is not None
        assert self._waiting.stdout is not None
        self._waiting.stdin.write(f"{request}\n")
        self._waiting.stdin.flush()
        return int(self._waiting.stdout.readline())


def _wait_for_requests() -> None:
    """Fork for each request; returns in the forked process, when that is to begin."""
    for line in iter(sys.stdin.readline, ""):
        forked = os.fork()
        if not forked:
            _become(**json.loads(line))
            return
        _, status = os.waitpid(forked, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    sys.exit()


def _become(words: list[str], folder: str, environment: dict[str, str], places: list[str]) -> None:
    """Take over what a process has from the one that starts it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["midrib", *words]
    nothing = os.open(os.devnull, os.O_RDONLY)
    # Appending, so that two that write to one file do not write over each other.
    opened = [os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for place in places]
    for descriptor, place in enumerate([nothing, *opened]):
        os.dup2(place, descriptor)
        os.close(place)


if __name__ == "__main__":
    # Not ONNX Runtime: it begins a thread, and a thread is not forked.
    import midrib.training  # noqa: F401 - this is the loading

    _wait_for_requests()
    from midrib.cli import main

    main()

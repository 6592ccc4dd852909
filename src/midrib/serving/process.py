"""A server as a child process: for the pipeline, the demo, benchmarks and tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from midrib.errors import ServingError
from midrib.serving.config import ServeConfig
from midrib.serving.server import READY
from midrib.settings import Settings

_POLL_SECONDS = 0.02


class ServerProcess:
    """Starts a server, waits until it is ready, stops it by SIGTERM.

    Args:
        targets: published names and package folders.
        config: options; port 0 takes any free one.
        settings: places, handed on through the environment.
        log: file for the server's log; None keeps it in a temporary file.
        ready_seconds: longest that it may take to get ready.

    Raises ``ServingError`` on entry when the server does not get ready, with what it said, and
    on exit when it did not end by itself with exit code 0.
    """

    def __init__(
        self,
        targets: Sequence[str | Path],
        config: ServeConfig,
        settings: Settings,
        *,
        log: Path | None = None,
        ready_seconds: float = 60.0,
    ) -> None:
        self._targets = [str(target) for target in targets]
        self._config = config
        self._settings = settings
        self._ready_seconds = ready_seconds
        self._folder = tempfile.TemporaryDirectory(prefix="midrib-serve-")
        self.log = log or Path(self._folder.name) / "server.log"
        """One JSON object a line: what the server told."""

        self.url = ""
        """``http://host:port``, once it is ready."""

        self._process: subprocess.Popen[bytes] | None = None
        self._last_words: str | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ``ServingError`` before it is started."""
        return self._started().pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.kill()

    def start(self) -> None:
        """Start and wait until it is ready. Raises ``ServingError``."""
        options = Path(self._folder.name) / "serve.json"
        self._config.save(options)
        command = [sys.executable, "-m", "midrib.serving", "--config", str(options)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--", *self._targets],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **_environment(self._settings)},
            )
        try:
            self.url = self._await_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self, *, seconds: float = 90.0) -> None:
        """SIGTERM, then wait. Raises ``ServingError`` unless it ends with exit code 0."""
        process = self._started()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServingError(
                f"the server did not stop within {seconds:g} s",
                expected="every accepted request answered by then",
                todo="lower drain_seconds",
            ) from None
        self._clean_up()
        if code != 0:
            raise ServingError(
                f"the server ended with exit code {code}: {self._last_line()}",
                expected="exit code 0",
                todo="see what it said before",
            )

    def kill(self) -> None:
        """End it at once, answered or not."""
        process = self._started()
        process.kill()
        process.wait()
        self._clean_up()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What the server told so far: all events, or those called ``name``."""
        found = []
        for line in self._said().splitlines():
            event = _parsed(line)
            if event is not None and name in {None, event.get("event")}:
                found.append(event)
        return found

    def _await_ready(self, process: subprocess.Popen[bytes]) -> str:
        until = time.monotonic() + self._ready_seconds
        while time.monotonic() < until:
            code = process.poll()
            if ready := self.events(READY):
                return str(ready[0]["url"])
            if code is not None:
                raise ServingError(
                    f"the server ended with exit code {code}: {self._last_line()}",
                    expected="a server that gets ready",
                )
            time.sleep(_POLL_SECONDS)
        raise ServingError(
            f"the server was not ready after {self._ready_seconds:g} s",
            expected="a ready server",
            todo="look at what else runs on this machine, or allow more time",
        )

    def _said(self) -> str:
        if self._last_words is not None:
            return self._last_words
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _last_line(self) -> str:
        lines = self._said().strip().splitlines()
        return lines[-1].removeprefix("error: ") if lines else "it said nothing"

    def _clean_up(self) -> None:
        self._last_words = self._said()
        self._folder.cleanup()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServingError("the server was not started", todo="call start() first")
        return self._process


def _environment(settings: Settings) -> dict[str, str]:
    given = settings.model_dump(mode="json")
    return {f"MIDRIB_{name.upper()}": str(value) for name, value in given.items()}


def _parsed(line: str) -> dict[str, Any] | None:
    """The event that a line holds; None for a line that is none, or not yet whole."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None

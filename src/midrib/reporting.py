"""How a verb tells what it does: silently, unless a surface listens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, int, str], None]
"""Units done, units in all, and what to say about them."""


class Reporter:
    """Is told what happens. This one keeps silent; surfaces override both methods."""

    def say(self, text: str) -> None:
        """One line of news."""

    @contextmanager
    def bar(self, title: str) -> Iterator[Advance]:  # noqa: ARG002 - surfaces show it
        """A progress bar for as long as the context lasts."""
        yield lambda done, total, text: None  # noqa: ARG005 - nobody listens


SILENT = Reporter()


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

"""Look at a server from outside, and wait for what it will do."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx


def until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Return once ``holds``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def metric(client: httpx.Client, name: str) -> float:
    """One number of ``GET /metrics``, by its name with labels; 0 when it was never counted."""
    for line in client.get("/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0

"""How busy others keep the cores while something is measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # idle and iowait, of proc_stat(5)
_COUNTED = 8  # user to steal; guest time is in user already


class Neighbours:
    """Cores that other processes, or other guests of this machine's host, have kept busy."""

    def __init__(self) -> None:
        self._started, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def cores(self) -> float | None:
        """The mean since it was made; None where the system does not tell."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        foreign = (busy - self._busy) - (_own_seconds() - self._own)
        return max(0.0, foreign / (time.monotonic() - self._started))


def _busy_seconds() -> float | None:
    """Seconds that all cores together were at work since the machine started."""
    try:
        fields = _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    ticks = [int(field) for field in fields[:_COUNTED]]
    return sum(t for place, t in enumerate(ticks) if place not in _IDLE) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system

"""How far this process grows, as Linux counts its resident memory."""

from __future__ import annotations

from pathlib import Path

_PROCESS = Path("/proc/self")
_RESET_PEAK = "5"
"""Written to clear_refs it sets the peak to what is resident now (Linux, proc_pid_clear_refs)."""


class MemoryGrowth:
    """Peak of the resident memory since it was made, over what was resident then.

    ``getrusage`` would not do: its peak is inherited from whoever started the process.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        try:
            (_PROCESS / "clear_refs").write_text(_RESET_PEAK, encoding="ascii")
            self._before = _kilobytes("VmRSS")
        except OSError:
            return  # another system, or one that hides it: the growth is not known

    def peak_bytes(self) -> int | None:
        """The growth up to the peak in bytes; None where the system does not tell."""
        if self._before is None:
            return None
        return max(0, _kilobytes("VmHWM") - self._before) * 1024


def _kilobytes(field: str) -> int:
    for line in (_PROCESS / "status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise OSError(f"no {field} in {_PROCESS / 'status'}")

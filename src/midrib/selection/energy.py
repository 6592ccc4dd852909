"""What the processor spends, as Intel's and AMD's running average power limit counts it (RAPL)."""

from __future__ import annotations

import re
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_ZONE = re.compile(r"intel-rapl:\d+")
"""Whole packages, on AMD too; their parts (cores, memory) are counted in them."""


class EnergyMeter:
    """Counts what all processor packages spend, whoever it is that they work for.

    Args:
        powercap: the folder in which Linux shows its power zones.
    """

    def __init__(self, powercap: Path = POWERCAP) -> None:
        zones = sorted(zone for zone in powercap.glob("intel-rapl:*") if _ZONE.fullmatch(zone.name))
        self._zones: list[Path] = []
        try:
            self._zones = [zone for zone in zones if _text(zone / "name").startswith("package")]
            self._last = self._microjoules()
        except OSError as refusal:
            self.reason = f"{refusal.filename or powercap} cannot be read: {refusal.strerror}"
        else:
            self.reason = "" if self._zones else f"{powercap} has no processor package"

    def restart(self) -> None:
        """Count from now on."""
        if not self.reason:
            self._last = self._microjoules()

    def joules(self) -> float | None:
        """Joules spent since it was made or restarted; None where ``reason`` says why not."""
        if self.reason:
            return None
        now = self._microjoules()
        spent = [self._spent(zone, self._last[zone], now[zone]) for zone in self._zones]
        return sum(spent) / 1e6

    def _microjoules(self) -> dict[Path, int]:
        return {zone: int(_text(zone / "energy_uj")) for zone in self._zones}

    @staticmethod
    def _spent(zone: Path, before: int, after: int) -> int:
        """The counter starts again at zero once it has reached its range."""
        if after >= before:
            return after - before
        return after - before + int(_text(zone / "max_energy_range_uj"))


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()

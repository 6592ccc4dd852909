"""Least, middle and greatest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, middle and greatest of some whole numbers."""

    low: int
    middle: float
    high: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Spread:
        """The spread of ``values``; nothing but zeros where there are none."""
        values = values or (0,)
        return cls(min(values), median(values), max(values))

    def as_record(self) -> dict[str, float]:
        """JSON-ready ``min``, ``median`` and ``max``."""
        return {"min": self.low, "median": self.middle, "max": self.high}

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:,}"
        return f"{self.low:,} to {self.high:,}, median {self.middle:,.0f}"

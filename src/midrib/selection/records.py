"""What a measurement found."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict

from midrib.selection.cells import Cell


@dataclass(frozen=True)
class Spread:
    """One figure over the rounds: median, smallest and largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Iterable[float]) -> Self:
        """The spread of one figure a round. Raises ``ValueError`` without any."""
        values = list(rounds)
        return cls(statistics.median(values), min(values), max(values))


class Round(BaseModel):
    """What one fresh process measured of one cell.

    Times are those of single pictures unless they say otherwise; ``memory_bytes`` is how far the
    process grew over what it was with its libraries loaded, ``batch_memory_bytes`` the same after
    the batches too. ``joules`` is what the processor spent per single picture. ``foreign_cores``
    are the cores that other processes kept busy meanwhile. None where the machine does not tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    calls: int
    p50_ms: float
    p99_ms: float
    pictures_per_second: float
    load_seconds: float | None
    memory_bytes: int | None
    batch_memory_bytes: int | None
    joules: float | None
    foreign_cores: float | None


class Facts(BaseModel):
    """What is known of a backbone once it is built, whatever runs it.

    ``height`` and ``width`` are those of its input in pixels. ``parameters`` and ``multiply_adds``
    are those of the backbone without a classifier, the latter at its native size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int
    width: int
    features: int
    parameters: int
    multiply_adds: int


class Findings(BaseModel):
    """What is kept of a cell: the size of its file and the rounds that were measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_bytes: int | None = None
    rounds: tuple[Round, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a cell costs here, or the reason why that is not known.

    ``facts`` are None where the backbone could not even be built.
    """

    cell: Cell
    facts: Facts | None
    findings: Findings
    reason: str = ""

    @property
    def measured(self) -> bool:
        return not self.reason

    def spread(self, figure: str) -> Spread | None:
        """Median and bounds over the rounds of one of the fields of `Round`; None without any."""
        told = [getattr(each, figure) for each in self.findings.rounds]
        known = [value for value in told if value is not None]
        return Spread.of(known) if known else None

    def median(self, figure: str) -> float | None:
        """The median over the rounds of one of the fields of `Round`; None without any."""
        spread = self.spread(figure)
        return None if spread is None else spread.median

    def as_record(self) -> dict[str, object]:
        """All of it, JSON-ready: spreads of what was measured, and the reason of what was not."""
        figures = {
            name: None if (spread := self.spread(name)) is None else vars(spread)
            for name in FIGURES
        }
        return {
            "backbone": self.cell.backbone,
            "engine": self.cell.engine,
            "precision": self.cell.precision,
            "facts": self.facts and self.facts.model_dump(),
            "file_bytes": self.findings.file_bytes,
            "rounds": len(self.findings.rounds),
            "calls": sum(each.calls for each in self.findings.rounds),
            "when": [each.when for each in self.findings.rounds],
            **figures,
            "reason": self.reason,
        }


FIGURES = tuple(name for name in Round.model_fields if name not in {"when", "calls"})
"""The fields of `Round` that a spread is told of."""

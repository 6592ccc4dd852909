"""Which pictures to look at first: those with the gravest faults, then the strangest ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log, log1p
from pathlib import Path

import numpy as np

from midrib.datasets.measures import Measures
from midrib.datasets.records import Item

# Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993): beyond 3.5 of these scores.
_STRANGE_FROM = 3.5
_DEVIATION_OF_NORMAL = 1.4826
_HALF_WAY = 10.0
_LEAST_SPREAD = 0.03
"""Of shares from 0 to 1, and of logarithms: three in a hundred."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say of one picture. ``gravity``: larger is worse, and sorts pictures."""

    path: Path
    gravity: float
    text: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """A picture with its remarks, the gravest first."""

    item: Item
    remarks: tuple[Remark, ...]

    @property
    def note(self) -> str:
        """All remarks in one line."""
        return "; ".join(remark.text for remark in self.remarks)


def worst_first(items: Iterable[Item], remarks: Iterable[Remark]) -> list[Ranked]:
    """Pictures of which something is said, by their gravest remark, then by all of them.

    Remarks about other paths are passed over.
    """
    said: dict[Path, list[Remark]] = defaultdict(list)
    for remark in remarks:
        said[remark.path].append(remark)
    ranked = [
        Ranked(item, tuple(sorted(said[item.path], key=lambda each: -each.gravity)))
        for item in items
        if item.path in said
    ]
    return sorted(ranked, key=_key)


def strange_measures(items: Sequence[Item]) -> list[Remark]:
    """Pictures that lie far from the middle of all in some measure; gravity is below 1.

    Far is measured in median absolute deviations, so that outliers do not hide each other.
    """
    found: list[Remark] = []
    for name, measure in _MEASURES.items():
        told = [(item, value) for item in items if (value := measure(item)) is not None]
        values = np.array([value for _, value in told])
        if not len(values):
            continue
        middle = float(np.median(values))
        spread = float(np.median(np.abs(values - middle))) * _DEVIATION_OF_NORMAL
        spread = max(spread, _LEAST_SPREAD)  # among nearly equal ones a trifle is not strange
        for (item, value), score in zip(told, np.abs(values - middle) / spread, strict=True):
            if score > _STRANGE_FROM:
                way = "far above" if value > middle else "far below"
                gravity = float(score / (score + _HALF_WAY))
                found.append(Remark(item.path, gravity, f"{name} {way} the others'"))
    return found


def _key(ranked: Ranked) -> tuple[float, float, str]:
    gravities = [remark.gravity for remark in ranked.remarks]
    return -max(gravities), -sum(gravities), str(ranked.item.path)


def _measured(measure: Callable[[Measures], float]) -> Callable[[Item], float | None]:
    return lambda item: measure(item.measures) if item.measures else None


_MEASURES: dict[str, Callable[[Item], float | None]] = {
    "size": lambda item: log(item.width * item.height) if item.width and item.height else None,
    "shape": lambda item: log(item.width / item.height) if item.width and item.height else None,
    "bytes a pixel": lambda item: (
        log(item.bytes / (item.width * item.height))
        if item.bytes and item.width and item.height
        else None
    ),
    "number of objects": lambda item: log1p(len(item.annotations)) if item.annotations else None,
    "brightness": _measured(lambda measures: measures.brightness),
    "contrast": _measured(lambda measures: measures.contrast),
    "sharpness": _measured(lambda measures: measures.sharpness),
}

"""What is in a dataset, and what in it would make a model's score a lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from midrib.datasets.records import SPLITS, Dataset, Item, Problem

IMBALANCE_WORTH_A_WARNING = 10.0
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, middle and greatest of some whole numbers."""

    low: int
    middle: float
    high: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Spread:
        """The spread of ``values``, at least one."""
        return cls(min(values), median(values), max(values))

    def as_record(self) -> dict[str, float]:
        """JSON-ready ``min``, ``median`` and ``max``."""
        return {"min": self.low, "median": self.middle, "max": self.high}

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:,}"
        return f"{self.low:,} to {self.high:,}, median {self.middle:,.0f}"


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What `check_dataset` found.

    ``counts``: pictures by split and label. ``formats``, ``modes``: files by format and by
    channel mode. ``width``, ``height`` in pixels, ``bytes`` of the files. ``problems``: files
    left out. ``copies``: groups of files of the same bytes; ``conflicts``: those of them that
    carry several labels; ``leaks``: those that stand in several splits. ``imbalance``: pictures
    of the largest class over those of the smallest.
    """

    dataset: Dataset
    counts: dict[str, dict[str, int]]
    formats: dict[str, int]
    modes: dict[str, int]
    width: Spread
    height: Spread
    bytes: Spread
    problems: tuple[Problem, ...]
    copies: tuple[tuple[Item, ...], ...]
    conflicts: tuple[tuple[Item, ...], ...]
    leaks: tuple[tuple[Item, ...], ...]
    imbalance: float

    @property
    def warnings(self) -> list[str]:
        """What should be looked at before training, the gravest first; one line each."""
        found = [
            _about("copies in several splits, which flatter every score", self.leaks),
            _about("copies under several labels", self.conflicts),
            self._about_problems(),
            *self._about_empty_splits(),
            self._about_imbalance(),
            _about("exact copies", self.copies),
        ]
        return [line for line in found if line]

    def lines(self) -> list[str]:
        """The report for a terminal."""
        return [
            *self.dataset.lines(),
            f"formats: {_listed(self.formats)}; channels: {_listed(self.modes)}",
            f"width {self.width}; height {self.height} pixels; {self.bytes} bytes a file",
            *(f"warning: {line}" for line in self.warnings),
        ]

    def as_record(self) -> dict[str, object]:
        """The report, JSON-ready; copies as groups of paths."""
        return {
            **self.dataset.as_record(),
            "formats": self.formats,
            "modes": self.modes,
            "width": self.width.as_record(),
            "height": self.height.as_record(),
            "bytes": self.bytes.as_record(),
            "copies": [_paths(group) for group in self.copies],
            "conflicts": [_paths(group) for group in self.conflicts],
            "leaks": [_paths(group) for group in self.leaks],
            "imbalance": self.imbalance,
            "warnings": self.warnings,
        }

    def _about_problems(self) -> str:
        if not self.problems:
            return ""
        kinds = _listed(_count(problem.kind for problem in self.problems))
        names = _names(problem.path for problem in self.problems)
        return f"files left out ({kinds}): {names}"

    def _about_empty_splits(self) -> list[str]:
        return [
            f"{split} has no picture of {', '.join(lacking)}"
            for split in SPLITS
            if split in self.counts
            and (lacking := [label for label, count in self.counts[split].items() if not count])
        ]

    def _about_imbalance(self) -> str:
        if self.imbalance < IMBALANCE_WORTH_A_WARNING:
            return ""
        return f"the largest class has {self.imbalance:.0f} times the pictures of the smallest"


def check_dataset(dataset: Dataset) -> HealthReport:
    """Count and compare what reading has already found; no file is opened again.

    Args:
        dataset: as `read_dataset` gave it, before or after splitting, with at least one picture.
    """
    items = dataset.items
    copies = _copies(items)
    by_label = Counter(label for item in items for label in item.named)
    return HealthReport(
        dataset=dataset,
        counts=dataset.counts(),
        formats=_count(item.format or "unknown" for item in items),
        modes=_count(item.mode or "unknown" for item in items),
        width=Spread.of([item.width for item in items]),
        height=Spread.of([item.height for item in items]),
        bytes=Spread.of([item.bytes for item in items]),
        problems=dataset.problems,
        copies=copies,
        conflicts=tuple(g for g in copies if len({item.labels for item in g}) > 1),
        leaks=tuple(g for g in copies if len({item.split for item in g if item.split}) > 1),
        imbalance=max(by_label.values(), default=1) / min(by_label.values(), default=1),
    )


def _copies(items: Iterable[Item]) -> tuple[tuple[Item, ...], ...]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.sha256].append(item)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _count(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    return dict(Counter(values).most_common())


def _about(what: str, groups: Sequence[Sequence[Item]]) -> str:
    if not groups:
        return ""
    shown = [" = ".join(item.path.name for item in group[:_SHOWN]) for group in groups[:_SHOWN]]
    more = " …" if len(groups) > _SHOWN else ""
    return f"{what} (groups: {len(groups):,}): {', '.join(shown)}{more}"


def _names(paths: Iterable[Path]) -> str:
    names = [path.name for path in paths]
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _paths(group: Sequence[Item]) -> list[str]:
    return [str(item.path) for item in group]

"""What is in a dataset, and what in it would make a model's score a lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets.copies import Likenesses
from midrib.datasets.health.checks import CHECKS, Check, Finding, Gravity
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.spread import Spread
from midrib.datasets.records import Dataset, Problem
from midrib.errors import DatasetError
from midrib.records import Floats


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What `check_dataset` found.

    ``counts``: pictures by split and label. ``formats``, ``modes``: files by format and by
    channel mode. ``width``, ``height`` in pixels, ``bytes`` of the files. ``findings``: by name of
    the check that found them, the gravest kind first, the worst of a kind first; kinds without a
    finding are left out.
    """

    dataset: Dataset
    counts: dict[str, dict[str, int]]
    formats: dict[str, int]
    modes: dict[str, int]
    width: Spread
    height: Spread
    bytes: Spread
    findings: Mapping[str, tuple[Finding, ...]]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Files and annotations that were left out."""
        return self.dataset.problems

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """Copies in several splits, of the same bytes or verified by pixels."""
        return self.findings.get("leak", ())

    @property
    def warnings(self) -> list[str]:
        """What should be looked at before training, the gravest first; one line a kind."""
        return [
            CHECKS.get(name).summary(found)
            for name, found in self.findings.items()
            if CHECKS.get(name).gravity > Gravity.NOTE
        ]

    @property
    def notes(self) -> dict[str, int]:
        """How many findings there are of each kind that is only worth knowing."""
        return {
            name: len(found)
            for name, found in self.findings.items()
            if CHECKS.get(name).gravity is Gravity.NOTE
        }

    def pictures(self, kind: str) -> list[Path]:
        """The pictures at fault of one kind, worst first, each once.

        Raises ``UnknownNameError`` for a kind that is not looked for.
        """
        found = self.findings.get(CHECKS.get(kind).name, ())
        return list(dict.fromkeys(path for finding in found for path in finding.pictures))

    def lines(self) -> list[str]:
        """The report for a terminal."""
        notes = [f"to note: {_listed(self.notes)}"] if self.notes else []
        files = [
            f"formats: {_listed(self.formats)}; channels: {_listed(self.modes)}",
            f"width {self.width}; height {self.height} pixels; {self.bytes} bytes a file",
        ]
        return [
            *self.dataset.lines(),
            *(files if self.formats else ["no picture can be used"]),
            *(f"warning: {line}" for line in self.warnings),
            *notes,
        ]

    def as_record(self) -> dict[str, object]:
        """The report, JSON-ready: facts, and each kind that was found with all its findings."""
        return {
            **self.dataset.as_record(),
            "formats": self.formats,
            "modes": self.modes,
            "width": self.width.as_record(),
            "height": self.height.as_record(),
            "bytes": self.bytes.as_record(),
            "warnings": self.warnings,
            "findings": {
                name: _record(CHECKS.get(name), found) for name, found in self.findings.items()
            },
        }


def check_dataset(
    dataset: Dataset,
    *,
    embeddings: Floats | None = None,
    likenesses: Likenesses | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> HealthReport:
    """Run every registered check over what reading has found.

    Args:
        dataset: as `read_dataset` gave it, before or after splitting.
        embeddings: float32, pictures × features, in the order of ``dataset.items``; without them
            what needs them is not looked for.
        likenesses: copies among the pictures where they are known already.
        progress: called with how far the search for copies is, and how far it has to go.

    Raises:
        DatasetError: the embeddings are not those of the pictures, or a picture is gone.
    """
    _require_fitting(dataset, embeddings)
    evidence = Evidence(dataset, embeddings, progress, likenesses)
    items = evidence.items
    return HealthReport(
        dataset=dataset,
        counts=dataset.counts(),
        formats=_count(item.format or "unknown" for item in items),
        modes=_count(item.mode or "unknown" for item in items),
        width=Spread.of([item.width for item in items]),
        height=Spread.of([item.height for item in items]),
        bytes=Spread.of([item.bytes for item in items]),
        findings=_findings(evidence),
    )


def _require_fitting(dataset: Dataset, embeddings: Floats | None) -> None:
    if embeddings is not None and embeddings.shape[:1] != (len(dataset.items),):
        raise DatasetError(
            f"embeddings of shape {embeddings.shape} for {len(dataset.items):,} pictures",
            expected="one row for each picture, in their order",
            todo="compute them for this dataset",
        )


def _findings(evidence: Evidence) -> dict[str, tuple[Finding, ...]]:
    """The gravest kinds first, then by name."""
    checks = sorted(
        (CHECKS.get(name) for name in CHECKS), key=lambda each: (-each.gravity, each.name)
    )
    found = {each.name: each.find(evidence) for each in checks}
    return {name: findings for name, findings in found.items() if findings}


def _record(check: Check, findings: tuple[Finding, ...]) -> dict[str, object]:
    return {
        "gravity": check.gravity.name.lower(),
        "title": check.title,
        "meaning": check.meaning,
        "todo": check.todo,
        "remedy": check.remedy.value,
        "found": [finding.as_record() for finding in findings],
    }


def _count(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    return dict(Counter(values).most_common())


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())

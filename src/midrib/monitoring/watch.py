"""What a served model was asked of late, and whether it still sees what it was measured on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from typing import Literal

import numpy as np

from midrib.errors import UnknownNameError, UsageError
from midrib.monitoring.drift import (
    Comparison,
    Verdict,
    compare,
    mahalanobis_squared,
    population_stability_index,
)
from midrib.monitoring.reading import LiveSample, LogReader, Traffic, read_log
from midrib.names import nearest
from midrib.packages import EmbeddingSketch, Reference
from midrib.packages.reference import Histogram
from midrib.records import Floats

OverallVerdict = Verdict | Literal["no reference"]
_WORST_FIRST: tuple[Verdict, ...] = ("drifted", "shifted", "too few to tell", "steady")


_MOST_HOURS = 1_000_000


@dataclass(frozen=True)
class VersionWatch:
    """One version's traffic and its comparisons with its package's reference."""

    traffic: Traffic
    verdict: OverallVerdict
    comparisons: tuple[Comparison, ...]
    reference_shares: Mapping[str, float]

    def as_record(self) -> dict[str, object]:
        """JSON-ready fields; latencies in milliseconds, shares 0 to 1."""
        answered = sum(self.traffic.labels.values())
        labels = sorted(self.traffic.labels.keys() | self.reference_shares.keys())
        return {
            "version": self.traffic.version,
            "verdict": self.verdict,
            "requests": self.traffic.requests,
            "refused": self.traffic.refused,
            "failed": self.traffic.failed,
            "latency_ms": {key: round(ms, 2) for key, ms in self.traffic.latency_ms.items()},
            "classes": {
                label: {
                    "pictures": round(self.traffic.labels.get(label, 0), 3),
                    "share": round(self.traffic.labels.get(label, 0) / max(1, answered), 4),
                    "reference": self.reference_shares.get(label),
                }
                for label in labels
            },
            "comparisons": [comparison.as_record() for comparison in self.comparisons],
        }


@dataclass(frozen=True)
class Watch:
    """One model's traffic between two moments, by version.

    ``hours``: start (UTC, milliseconds since 1970), requests, failures of each hour with any.
    """

    name: str
    since: datetime
    until: datetime
    hours: tuple[tuple[int, int, int], ...]
    versions: tuple[VersionWatch, ...]

    @property
    def requests(self) -> int:
        """Requests in the whole time."""
        return sum(version.traffic.requests for version in self.versions)

    @property
    def per_minute(self) -> float:
        """Mean requests a minute since the hour of the first one."""
        if not self.hours:
            return 0.0
        first = max(self.since.timestamp(), self.hours[0][0] / 1000)
        return self.requests / max(1.0, (self.until.timestamp() - first) / 60)

    def as_record(self) -> dict[str, object]:
        """JSON-ready fields."""
        return {
            "model": self.name,
            "since": self.since.isoformat(timespec="seconds"),
            "until": self.until.isoformat(timespec="seconds"),
            "requests": self.requests,
            "requests_per_minute": round(self.per_minute, 2),
            "hours": [
                {
                    "hour": datetime.fromtimestamp(start / 1000, UTC).isoformat(),
                    "requests": requests,
                    "failed": failed,
                }
                for start, requests, failed in self.hours
            ],
            "versions": [version.as_record() for version in self.versions],
        }


def monitor(
    name: str,
    predictions: Path,
    references: Mapping[int, Reference],
    *,
    since_hours: float = 24,
) -> Watch:
    """Read the prediction log of ``name`` and compare each version with its reference.

    What was logged in the last seconds may not be written yet.

    Args:
        name: the model.
        predictions: the folder that the prediction log writes to.
        references: by version; a version without one is not compared.
        since_hours: how far back.

    Raises:
        UnknownNameError: nothing was ever logged for ``name``.
        UsageError: ``since_hours`` is not positive.
        MissingExtraError: DuckDB is not installed.
        StorageError: the log cannot be read.
    """
    if not 0 < since_hours <= _MOST_HOURS:
        raise UsageError(
            f"{since_hours} hours",
            expected=f"more than 0 and at most {_MOST_HOURS}",
            todo="choose another time",
        )
    known = [folder.name for folder in predictions.glob("*") if any(folder.glob("date=*"))]
    if name not in known:
        raise _never_logged(name, known)
    until = datetime.now(UTC)
    since = until - timedelta(hours=since_hours)

    def look(log: LogReader) -> Watch:
        versions = [_watch_version(log, one, references.get(one.version)) for one in log.traffic()]
        return Watch(name, since, until, tuple(log.hours()), tuple(versions))

    return read_log(predictions / name, since, look)


def _never_logged(name: str, known: Collection[str]) -> UnknownNameError:
    close = nearest(name, known, most=1)
    others = f", as {', '.join(sorted(known))}" if known else ""
    return UnknownNameError(
        f"nothing was ever logged for '{name}'",
        expected=f"a model that was served and asked{others}",
        todo=f"did you mean '{close[0]}'?" if close else f"run 'midrib serve {name}' and ask it",
    )


def _watch_version(log: LogReader, traffic: Traffic, reference: Reference | None) -> VersionWatch:
    if reference is None:
        return VersionWatch(traffic, "no reference", (), {})
    sample = log.sample(traffic.version, reference.sketch.dimensions)
    comparisons = (
        _compare_classes(traffic, reference),
        *(
            _compare_histogram(statistic, sample.statistics[statistic], histogram, reference)
            for statistic, histogram in reference.statistics.items()
        ),
        _compare_histogram("confidence", sample.score, reference.confidence, reference),
        *_compare_embeddings(sample, reference),
    )
    found = {comparison.verdict for comparison in comparisons}
    worst = next(verdict for verdict in _WORST_FIRST if verdict in found)
    return VersionWatch(traffic, worst, comparisons, reference.class_shares)


def _compare_classes(traffic: Traffic, reference: Reference) -> Comparison:
    labels = sorted(traffic.labels.keys() | reference.class_shares.keys())
    live = np.array([traffic.labels.get(label, 0) for label in labels], np.float64)
    expected = np.array([reference.class_shares.get(label, 0.0) for label in labels])
    return compare(
        "classes",
        population_stability_index(live, expected * reference.pictures),
        freedom=len(labels) - 1,
        pictures=round(live.sum()),
        reference=reference.pictures,
    )


def _compare_histogram(
    measure: str, values: Floats, histogram: Histogram, reference: Reference
) -> Comparison:
    live = histogram.shares_of(values).astype(np.float64) * len(values)
    expected = np.array(histogram.shares) * reference.pictures
    return compare(
        measure,
        population_stability_index(live, expected),
        freedom=len(live) - 1,
        pictures=len(values),
        reference=reference.pictures,
    )


def _compare_embeddings(sample: LiveSample, reference: Reference) -> list[Comparison]:
    """Nothing when the reference was sketched in a way that the log's sketches are not."""
    usual = EmbeddingSketch(embedding_size=reference.sketch.embedding_size)
    distance = float("nan")
    if reference.sketch == usual and len(sample.sketch):
        distance = mahalanobis_squared(
            sample.sketch.mean(axis=0, dtype=np.float64),
            np.array(reference.sketch_mean),
            np.array(reference.sketch_covariance),
        )
    if isnan(distance):
        return []
    return [
        compare(
            "embedding",
            distance,
            freedom=reference.sketch.dimensions,
            pictures=len(sample.sketch),
            reference=reference.pictures,
        )
    ]

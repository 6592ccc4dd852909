"""What the room hands out: frozen, and ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

RunStatus = Literal["scheduled", "running", "finished", "failed", "killed"]


@dataclass(frozen=True)
class _Record:
    """Frozen fields that become JSON; moments become ISO 8601 text in UTC."""

    def as_record(self) -> dict[str, object]:
        """The fields, JSON-ready."""
        return {name: _json_ready(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class ModelVersion(_Record):
    """A published package.

    ``version`` counts from 1. ``location`` is the path or URI of the package's folder,
    ``manifest_sha256`` the hash of its manifest as 64 hex digits, ``run`` the MLflow run that
    made it, ``created`` in UTC.
    """

    name: str
    version: int
    location: str
    manifest_sha256: str
    run: str
    created: datetime


@dataclass(frozen=True)
class Release(_Record):
    """Which version of a model is live.

    ``previous`` is the version that was live before, None at the first release. ``generation``
    counts the switches from 1: a higher one is newer. ``changed`` in UTC.
    """

    name: str
    version: int
    previous: int | None
    generation: int
    changed: datetime


@dataclass(frozen=True)
class Run(_Record):
    """A run as MLflow knows it.

    ``metrics`` holds the last value of each; ``artifacts`` is the URI of the run's files;
    ``started`` and ``ended`` are in UTC.
    """

    run_id: str
    experiment: str
    name: str
    status: RunStatus
    started: datetime
    ended: datetime | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: str


def _json_ready(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value

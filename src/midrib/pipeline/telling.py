"""The report of a run: written beside it and kept with the run in MLflow."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from midrib.config import fingerprint
from midrib.datasets import Dataset
from midrib.evaluation import load_evaluation
from midrib.evaluation.report import (
    Baseline,
    DataFacts,
    ReleaseEvent,
    ReportContent,
    headline_of,
    write_report,
)
from midrib.machine import machine_name
from midrib.packages import open_package
from midrib.settings import Settings
from midrib.state import Runs, library_versions
from midrib.training import RunFolder, read_rows


@dataclass(frozen=True)
class Story:
    """What happened to a model after it was made; what is left empty is not told."""

    title: str = ""
    data_notes: tuple[str, ...] = ()
    baseline: Baseline | None = None
    releases: Sequence[ReleaseEvent] = ()
    monitoring: Mapping[str, Any] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


def tell_run(
    run: RunFolder, dataset: Dataset, settings: Settings, story: Story | None = None
) -> None:
    """Write ``report.html`` into the run's folder, unless it tells the same already.

    Raises ``StorageError`` when it cannot be written, ``StateError`` when MLflow cannot be told.
    """
    record, story = run.record(), story or Story()
    package = open_package(run.package)
    told = fingerprint([package.manifest, repr(story)])
    noted = run.finished("report")
    if noted and noted["told"] == told and run.report.is_file():
        return
    seconds = {stage: facts["seconds"] for stage, facts in run.stages().items()}
    evaluation = load_evaluation(run.evaluation("test"))
    content = ReportContent(
        card=package.card,
        evaluation=evaluation,
        title=story.title,
        headline=headline_of(evaluation),
        baseline=story.baseline,
        training=read_rows(run.path),
        stage_seconds=story.seconds or {name: took for name, took in seconds.items() if took},
        data=DataFacts(
            source=record.source,
            version=record.data_version,
            licence=record.data_licence,
            counts=dataset.counts(),
            notes=story.data_notes,
        ),
        releases=story.releases,
        monitoring=story.monitoring,
        machine={"processor": machine_name(), "python": platform.python_version()},
        libraries=library_versions(),
    )
    write_report(content, run.report)
    run.finish("report", 0.0, told=told)
    Runs(settings.tracking(), settings.runs).log_file(record.tracking_run, run.report)

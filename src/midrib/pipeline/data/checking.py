"""Tell what is in a dataset and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from midrib.datasets import HealthReport, check_dataset
from midrib.errors import UsageError
from midrib.pipeline.data.copies import likenesses_of
from midrib.pipeline.data.outputs import require_apart
from midrib.pipeline.data.reading import read
from midrib.pipeline.data.versions import as_split_before
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings


def check(
    source: str | Path,
    *,
    strict: bool = False,
    fresh: bool = False,
    embeddings: str | None = None,
    weights: str = "auto",
    report: Path | None = None,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> HealthReport:
    """Read every picture and tell what is wrong, in the splits that pictures were given before.

    Args:
        source: the pictures.
        strict: refuse data with pictures that cannot be used.
        fresh: open files too that have not changed since they were last read.
        embeddings: a backbone that compares what pictures show; None leaves out the checks that
            need it.
        weights: of that backbone, 'auto' or what training takes.
        report: a folder to write the page, its plots and its JSON to.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is nothing at all to check, or with ``strict`` anything cannot be used.
        UsageError: the report would lie among the pictures, or weights are of no backbone.
        StorageError: the report cannot be written.
    """
    require_backbone(embeddings, weights)
    settings = settings or Settings()
    found = read(
        source, strict=strict, fresh=fresh, needs="nothing", settings=settings, reporter=reporter
    )
    if report is not None:
        require_apart(report, found)
    dataset = as_split_before(found, source, settings)
    features = None
    if embeddings is not None and dataset.items:
        from midrib.pipeline.data.embedding import embed_dataset

        features = embed_dataset(
            dataset, embeddings, weights=weights, settings=settings, reporter=reporter
        )
    likenesses = likenesses_of(dataset, source, settings, reporter)
    health = check_dataset(dataset, embeddings=features, likenesses=likenesses)
    if report is not None:
        from midrib.pipeline.data.health_page import write_report

        page = write_report(health, report, source=str(source), embeddings=embeddings)
        reporter.say(f"the report is {page}")
    return health


def require_backbone(embeddings: str | None, weights: str) -> None:
    """Refuse weights without the backbone that they are of. Raises ``UsageError``."""
    if embeddings is None and weights != "auto":
        raise UsageError(
            f"weights '{weights}' without a backbone",
            expected="both or neither",
            todo="add --embeddings BACKBONE, or leave --weights out",
        )

"""Tell what is in a dataset and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from midrib.datasets import HealthReport, check_dataset
from midrib.pipeline.data.reading import read
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings


def check(
    source: str | Path,
    *,
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> HealthReport:
    """Read every picture and tell what is wrong. Raises ``DatasetError``."""
    return check_dataset(read(source, strict=strict, settings=settings, reporter=reporter))

"""Look at the data, then split it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from midrib.config import fingerprint
from midrib.datasets import (
    Dataset,
    HealthReport,
    SplitConfig,
    check_dataset,
    load_splits,
    read_dataset,
    save_splits,
    split_dataset,
)
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings


@dataclass(frozen=True)
class SplitResult:
    """Where the table of splits lies, and what is in it."""

    table: Path
    dataset: Dataset

    def as_record(self) -> dict[str, object]:
        return {
            "table": str(self.table),
            "version": self.dataset.version,
            "counts": self.dataset.counts(),
        }

    def lines(self) -> list[str]:
        return [*self.dataset.lines(), f"splits written to {self.table}"]


def check(source: str | Path, *, strict: bool = False, reporter: Reporter = SILENT) -> HealthReport:
    """Read every picture and tell what is wrong. Raises ``DatasetError``."""
    return check_dataset(read(source, strict=strict, reporter=reporter))


def split(
    source: str | Path,
    *,
    config: SplitConfig | None = None,
    output: Path | None = None,
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> SplitResult:
    """Split pictures and write the table down; pictures that were split before stay where they are.

    Args:
        source: the pictures.
        config: shares and seed.
        output: the table; None keeps it in the home folder, where ``train`` looks for it.
        strict: refuse data with pictures that cannot be used.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is nothing that can be split.
    """
    table = output or splits_table(Path(source), settings or Settings())
    dataset = read(source, strict=strict, reporter=reporter)
    previous = load_splits(table) if table.is_file() else None
    divided = split_dataset(dataset, config or SplitConfig(), previous=previous)
    save_splits(divided, table)
    return SplitResult(table, divided)


def read(source: str | Path, *, strict: bool, reporter: Reporter) -> Dataset:
    """Read every picture under a progress bar."""
    with reporter.bar("read pictures") as advance:
        return read_dataset(
            Path(source), strict=strict, progress=lambda done, total: advance(done, total, "")
        )


def splits_table(source: Path, settings: Settings) -> Path:
    """Where the splits of ``source`` are remembered."""
    place = fingerprint(str(source.resolve()))[:12]
    return settings.folder / "datasets" / f"{slug(source)}-{place}" / "splits.csv"


def slug(source: Path) -> str:
    """A model name from a folder's or table's name."""
    stem = source.resolve().stem if source.suffix else source.resolve().name
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._") or "model"

"""Split pictures, and remember how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import Dataset, SplitConfig, load_splits, save_splits, split_dataset
from midrib.pipeline.data.reading import read, splits_table
from midrib.pipeline.data.versions import keep
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


def split(
    source: str | Path,
    *,
    config: SplitConfig | None = None,
    output: Path | None = None,
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> SplitResult:
    """Split pictures and keep this version; pictures that were split before stay where they are.

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
    settings = settings or Settings()
    table = output or splits_table(source, settings)
    dataset = read(source, strict=strict, settings=settings, reporter=reporter)
    previous = load_splits(table) if table.is_file() else None
    divided = split_dataset(dataset, config or SplitConfig(), previous=previous)
    save_splits(divided, table)
    keep(divided, source, settings)
    return SplitResult(table, divided)

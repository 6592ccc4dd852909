"""Split pictures, and remember how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import Dataset, SplitConfig, load_splits, save_splits
from midrib.pipeline.data.dividing import Divided, divide
from midrib.pipeline.data.reading import read, splits_table
from midrib.pipeline.data.versions import keep
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings


@dataclass(frozen=True)
class SplitResult:
    """Where the table of splits lies, and what is in it."""

    table: Path
    divided: Divided

    @property
    def dataset(self) -> Dataset:
        """The pictures with their splits."""
        return self.divided.dataset

    def as_record(self) -> dict[str, object]:
        return {
            "table": str(self.table),
            "version": self.dataset.version,
            "counts": self.dataset.counts(),
            **self.divided.as_record(),
        }

    def lines(self) -> list[str]:
        told = [*self.dataset.lines(), *self.divided.lines()]
        return [*told, f"splits written to {self.table}"]


def split(
    source: str | Path,
    *,
    config: SplitConfig | None = None,
    output: Path | None = None,
    anew: bool = False,
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> SplitResult:
    """Split pictures and keep this version; pictures that were split before stay where they are.

    Args:
        source: the pictures.
        config: shares and seed.
        anew: forget how they were split before.
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
    previous = load_splits(table) if table.is_file() and not anew else None
    divided = divide(
        dataset, source, config or SplitConfig(), settings, reporter, previous=previous
    )
    save_splits(divided.dataset, table)
    keep(divided.dataset, source, settings)
    return SplitResult(table, divided)

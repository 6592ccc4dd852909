"""Read pictures under a progress bar; where the splits of a source are remembered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from midrib.config import fingerprint
from midrib.datasets import Dataset, open_source, place_of, read_dataset, source_name
from midrib.reporting import Reporter
from midrib.settings import Settings


def read(
    source: str | Path, *, strict: bool, reporter: Reporter, settings: Settings | None = None
) -> Dataset:
    """Open a folder, table, archive or URL, and read every picture under a progress bar.

    Raises ``DatasetError`` for data that cannot be used, ``StorageError`` for what is elsewhere
    and cannot be had.
    """
    opened = open_source(source, settings or Settings(), reporter=reporter)
    with reporter.bar("read pictures") as advance:
        dataset = read_dataset(
            opened.path, strict=strict, progress=lambda done, total: advance(done, total, "")
        )
    return replace(dataset, named=opened.named) if opened.is_copy else dataset


def splits_table(source: str | Path, settings: Settings) -> Path:
    """Where the splits of ``source`` are remembered."""
    place = fingerprint(place_of(source))[:12]
    return settings.folder / "datasets" / f"{slug(source)}-{place}" / "splits.csv"


def slug(source: str | Path) -> str:
    """A model name from what a folder, table, archive or bucket is called."""
    return source_name(source)

"""Read pictures under a progress bar; where the splits of a source are remembered."""

from __future__ import annotations

import re
from pathlib import Path

from midrib.config import fingerprint
from midrib.datasets import Dataset, read_dataset
from midrib.reporting import Reporter
from midrib.settings import Settings


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

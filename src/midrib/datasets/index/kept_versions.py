"""Versions of datasets in a home folder: an index each, which never changes.

<datasets>/<source>/<version>/index.parquet, index.json
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from midrib.datasets.index.description import (
    DESCRIPTION,
    TABLE,
    Description,
    is_index,
    read_description,
    root_of,
    source_of,
)
from midrib.datasets.index.writing import write_index
from midrib.datasets.records import Dataset
from midrib.errors import UnknownNameError

_VERSION = re.compile(r"[0-9a-f]{64}")
_FEWEST_DIGITS = 4
_SHOWN = 5


@dataclass(frozen=True)
class KeptVersion:
    """A version that is kept: its folder, when it was first kept (UTC), and what it says."""

    folder: Path
    kept: datetime
    description: Description


def keep_version(dataset: Dataset, place: Path) -> Path:
    """Keep an index of ``dataset`` below ``place``, unless it is there; returns its folder.

    What a version is never changes; where its pictures lie may, and is then written anew.
    Raises ``StorageError`` when the disk does not take it.
    """
    folder = place / dataset.version
    if not is_index(folder) or not _lie_the_same(folder, dataset):
        write_index(folder, dataset, mapped=False)
    return folder


def _lie_the_same(folder: Path, dataset: Dataset) -> bool:
    """Whether the pictures of ``dataset`` lie where the index in ``folder`` has them."""
    from pyarrow import ArrowException, parquet

    root = source_of(folder, read_description(folder))
    if root != dataset.source:
        return False
    below = root_of(root).as_posix().rstrip("/") + "/"
    try:
        with parquet.ParquetFile(folder / TABLE) as table:
            kept = (
                path
                for batch in table.iter_batches(columns=["path"])
                for path in batch.column("path").to_pylist()
            )
            return all(
                path == item.path.as_posix().removeprefix(below)
                for path, item in zip(kept, dataset.items, strict=True)
            )
    except (ArrowException, OSError, ValueError):  # damaged, or not of that length
        return False


def kept_versions(place: Path) -> list[KeptVersion]:
    """The versions below ``place``, the newest first."""
    found = [
        KeptVersion(folder, _kept(folder), read_description(folder)) for folder in _folders(place)
    ]
    return sorted(found, key=lambda each: (each.kept, each.folder.name), reverse=True)


def find_version(datasets: Path, prefix: str) -> Path | None:
    """The index of the one version that begins with ``prefix``; None where there is none.

    Args:
        datasets: the folder in which sources have theirs.
        prefix: at least four hex digits.

    Raises:
        UnknownNameError: several versions begin so.
    """
    if len(prefix) < _FEWEST_DIGITS or not re.fullmatch(r"[0-9a-f]+", prefix):
        return None
    places = sorted(datasets.iterdir()) if datasets.is_dir() else []
    # Several sources may have had the same pictures: then each has the version.
    found = {
        folder.name: folder
        for place in places
        for folder in _folders(place)
        if folder.name.startswith(prefix)
    }
    if len(found) > 1:
        raise UnknownNameError(
            f"several versions begin with '{prefix}'",
            expected=f"one of: {', '.join(sorted(found)[:_SHOWN])}",
            todo="type more digits",
        )
    return next(iter(found.values()), None)


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        for folder in sorted(place.iterdir()):
            if _VERSION.fullmatch(folder.name) and is_index(folder):
                yield folder


def _kept(folder: Path) -> datetime:
    return datetime.fromtimestamp((folder / DESCRIPTION).stat().st_mtime, UTC)

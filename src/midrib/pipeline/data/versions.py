"""Versions of a source that are kept in the home folder, and which runs learnt from them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from midrib.columns import aligned
from midrib.datasets import SPLITS, Dataset, load_splits, place_of
from midrib.datasets.index import KeptVersion, keep_version, kept_versions
from midrib.datasets.records import UNSPLIT
from midrib.datasets.sources.protocols import is_url
from midrib.errors import DatasetError, StorageError
from midrib.pipeline.data.reading import kept_of, splits_table
from midrib.settings import Settings
from midrib.storage import read_json

DIGITS = 12
"""Of a version, where it is shown."""

_RUN_RECORD = "run.json"


@dataclass(frozen=True)
class VersionList:
    """Versions that are kept, the newest first, and the names of the runs of each."""

    versions: tuple[KeptVersion, ...]
    runs: dict[str, list[str]]

    def as_record(self) -> dict[str, object]:
        return {"versions": [self._record(each) for each in self.versions]}

    def lines(self) -> list[str]:
        if not self.versions:
            return ["no version is kept yet: midrib data index SOURCE keeps one"]
        return aligned([self._row(each) for each in self.versions], left={0, 1, 2, 3, 4})

    def _record(self, each: KeptVersion) -> dict[str, object]:
        told = each.description
        return {
            "version": told.version,
            "kept": each.kept.isoformat(timespec="seconds"),
            "source": told.named or told.source,
            "format": told.format,
            "task": told.task,
            "pictures": told.pictures,
            "counts": told.counts,
            "runs": self.runs.get(told.version, []),
            "index": str(each.folder),
        }

    def _row(self, each: KeptVersion) -> list[str]:
        told = each.description
        splits = [
            f"{split} {told.pictures[split]:,}"
            for split in (*SPLITS, UNSPLIT)
            if split in told.pictures
        ]
        return [
            told.version[:DIGITS],
            f"{each.kept:%Y-%m-%d %H:%M}",
            ", ".join(splits),
            told.named or told.source,
            ", ".join(self.runs.get(told.version, [])),
        ]


def data_versions(
    source: str | Path | None = None, *, settings: Settings | None = None
) -> VersionList:
    """The versions of ``source`` that are kept, or of every source. No picture is opened.

    Raises ``DatasetError`` for an index that is damaged, and for a source that is neither there
    nor known from before.
    """
    settings = settings or Settings()
    if source is not None:
        places = [kept_of(source, settings)]
    else:
        places = sorted(settings.datasets.iterdir()) if settings.datasets.is_dir() else []
    found = [version for place in places for version in kept_versions(place)]
    if source is not None and not found:
        _require_there(source)
    found.sort(key=lambda each: each.kept, reverse=True)
    return VersionList(tuple(found), _runs_by_version(settings))


def _require_there(source: str | Path) -> None:
    place = place_of(source)
    if not is_url(place) and not Path(place).exists():
        raise DatasetError(
            f"{place} does not exist, and no version of it is kept",
            expected="a source of which a version was kept",
            todo="check the path, or list all: midrib data versions",
        )


def keep(dataset: Dataset, source: str | Path, settings: Settings) -> Path:
    """Keep this version of ``source`` in the home folder; returns the folder of its index."""
    return keep_version(dataset, kept_of(source, settings))


def as_split_before(dataset: Dataset, source: str | Path, settings: Settings) -> Dataset:
    """``dataset``, its pictures in the splits that they were given before where it gives none."""
    table = splits_table(source, settings)
    if not table.is_file() or UNSPLIT not in dataset.summary.pictures:
        return dataset
    previous = load_splits(table)
    items = (
        item if item.split else replace(item, split=previous.get(item.sha256))
        for item in dataset.items
    )
    return replace(dataset, items=tuple(items))


def _runs_by_version(settings: Settings) -> dict[str, list[str]]:
    runs: dict[str, list[str]] = defaultdict(list)
    for record in sorted(settings.runs.glob(f"*/{_RUN_RECORD}")):
        version = data_version_of_run(record.parent)
        if version:
            runs[version].append(record.parent.name)
    return runs


def data_version_of_run(folder: Path) -> str | None:
    """The version of the data that a run was made from; None where ``folder`` is no run's."""
    if not (folder / _RUN_RECORD).is_file():
        return None
    try:
        return str(read_json(folder / _RUN_RECORD)["data_version"])
    except (StorageError, KeyError, TypeError):
        return None

"""A dataset to a new folder in a chosen format, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets.formats.fitting import fit
from midrib.datasets.formats.interface import DATASET_FORMATS
from midrib.datasets.formats.placing import Pictures, Placer
from midrib.datasets.records import Dataset
from midrib.errors import DatasetError
from midrib.storage import folder_written_aside

_RENAMED_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Written:
    """Where a dataset went, how many pictures of it, and what could not be held there."""

    target: Path
    pictures: int
    lost: tuple[str, ...]


def write_dataset(
    dataset: Dataset,
    target: Path,
    name: str,
    *,
    pictures: Pictures = "link",
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write ``dataset`` in the format called ``name``; its own pictures and files are untouched.

    Args:
        dataset: as `read_dataset` gave it.
        target: a folder that does not exist yet, or is empty.
        name: one of ``DATASET_FORMATS``.
        pictures: hard links where the file system has them, or copies.
        progress: called with pictures done and pictures there are.

    Raises:
        UnknownNameError: no format is called so.
        DatasetError: ``target`` is in use or lies in the source, or the format cannot hold anything
            of ``dataset``.
        StorageError: the disk is full or refuses.
    """
    layout = DATASET_FORMATS.get(name)()
    _require_free(target)
    _require_outside(target, dataset)
    lost = layout.lost(dataset)
    fitted = fit(layout.holds, dataset)
    if not fitted.items:
        raise DatasetError(
            f"{name} can hold none of the pictures of {dataset.source}: {'; '.join(lost)}",
            expected="at least one that it can hold",
            todo="choose another format",
        )
    done = iter(range(1, len(fitted.items) + 1))

    def advance() -> None:
        if progress:
            progress(next(done), len(fitted.items))

    with folder_written_aside(target) as aside:
        placer = Placer(aside, pictures, advance)
        layout.write(fitted, placer)
    return Written(target, len(fitted.items), (*lost, *_renamed(placer)))


def _require_free(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise DatasetError(
            f"{target} is there already",
            expected="a folder that does not exist yet, or an empty one",
            todo="choose another place, or remove it",
        )


def _require_outside(target: Path, dataset: Dataset) -> None:
    """A dataset in its own source would be read as a part of it the next time."""
    source = dataset.source if dataset.source.is_dir() else dataset.source.parent
    if Path(os.path.realpath(target)).is_relative_to(os.path.realpath(source)):
        raise DatasetError(
            f"{target} lies in the data that is read, {source}",
            expected="a folder outside of it, since the source is never changed",
            todo="choose another place",
        )


def _renamed(placer: Placer) -> list[str]:
    if not placer.renamed:
        return []
    shown = [f"{old.name} → {new}" for old, new in placer.renamed[:_RENAMED_SHOWN]]
    more = " …" if len(placer.renamed) > _RENAMED_SHOWN else ""
    return [f"names of pictures ({len(placer.renamed):,}): {', '.join(shown)}{more}"]

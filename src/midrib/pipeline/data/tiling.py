"""Cut big pictures into a data set of tiles."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from midrib.datasets import Dataset
from midrib.datasets.formats import DATASET_FORMATS, Written, write_dataset
from midrib.datasets.tiles import TileConfig, cut_dataset
from midrib.pipeline.data.reading import read
from midrib.reporting import SILENT, Reporter
from midrib.storage import ASIDE_PREFIX, storage_errors

_TRIED = ("class-folders", "split-folders", "coco", "jsonl")
"""Formats in the order in which the first that loses nothing is taken."""


@dataclass(frozen=True)
class Tiled:
    """Where the tiles went, in which format, and how many pictures they were cut from."""

    written: Written
    format: str
    pictures: int

    def as_record(self) -> dict[str, object]:
        return {
            "target": str(self.written.target),
            "format": self.format,
            "pictures": self.pictures,
            "tiles": self.written.pictures,
            "lost": list(self.written.lost),
        }

    def lines(self) -> list[str]:
        return [
            f"{self.pictures:,} pictures cut into {self.written.pictures:,} tiles",
            *(f"warning: {self.format} does not hold {lost}" for lost in self.written.lost),
            f"written to {self.written.target} ({self.format})",
        ]


def tile(
    source: str | Path,
    target: str | Path,
    *,
    config: TileConfig | None = None,
    format: str | None = None,  # noqa: A002 - what the option is called
    strict: bool = False,
    reporter: Reporter = SILENT,
) -> Tiled:
    """Cut every picture into overlapping tiles, and what stands in it with it.

    A tile is called ``<picture>@<left>,<top>.png``, so that whoever splits the tiles can keep
    those of one picture together.

    Args:
        source: labelled pictures.
        target: a folder that does not exist yet, or is empty.
        config: size, overlap and what counts as visible.
        format: of the tiles; None takes the first of class folders, split folders, COCO and a
            table that loses nothing.
        strict: refuse data with pictures that cannot be used.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is nothing to cut, or ``target`` is in use.
        UnknownNameError: no format is called so.
        UsageError: the overlap is not less than the size.
        StorageError: the disk is full or refuses.
    """
    dataset = read(source, strict=strict, reporter=reporter, needs="pictures")
    target = Path(target)
    with storage_errors(target):
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=ASIDE_PREFIX, dir=target.absolute().parent))
    try:
        with reporter.bar("cut into tiles") as advance:
            tiles = cut_dataset(
                dataset,
                scratch,
                config or TileConfig(),
                lambda done, total: advance(done, total, ""),
            )
        name = format or _lossless(tiles)
        # Linked, not copied: the two folders share a disk, and the first one goes.
        written = write_dataset(_nameable(tiles, name), target, name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Tiled(written, name, len(dataset.items))


def _nameable(tiles: Dataset, name: str) -> Dataset:
    """Without groups where the format has no place for them: the names of tiles tell them too."""
    if DATASET_FORMATS.get(name).holds.group:
        return tiles
    return replace(tiles, items=tuple(replace(item, group=None) for item in tiles.items))


def _lossless(tiles: Dataset) -> str:
    def loses(name: str) -> Sequence[str]:
        return DATASET_FORMATS.get(name)().lost(_nameable(tiles, name))

    return next((name for name in _TRIED if not loses(name)), _TRIED[-1])

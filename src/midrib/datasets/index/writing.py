"""Write an index: items go by in groups, so that none but the last group is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from midrib.datasets.index.description import (
    DESCRIPTION,
    ROWS,
    TABLE,
    Description,
    describe,
    root_of,
)
from midrib.datasets.index.schema import batch_of, row_schema
from midrib.datasets.records import Dataset, Item, Tally
from midrib.errors import UsageError
from midrib.storage import folder_written_aside

ROWS_TOGETHER = 4096
"""Rows of a group at most; a group is what is written, read and kept in memory at once."""

_BYTES_TOGETHER = 16 << 20  # of annotations; masks may be large
_BYTES_OF_ANNOTATION = 100


def write_index(
    folder: Path,
    told: Dataset,
    items: Iterable[Item] | None = None,
    *,
    mapped: bool = True,
) -> Description:
    """Write an index of a dataset into ``folder``: whole, or not at all.

    ``index.parquet`` holds a row a picture, ``index.json`` the rest. ``rows.arrow`` is the table
    once more, uncompressed, for reading rows in any order; it is made where it is missing.

    Args:
        folder: the index's own folder; one that holds an index is replaced.
        told: the source, its classes, format and problems.
        items: the pictures, one after the other; None takes those of ``told``.
        mapped: write ``rows.arrow`` at once, instead of when rows are first asked for.

    Raises:
        UsageError: ``folder`` holds something else.
        StorageError: the disk does not take it.
        MissingExtraError: pyarrow is not installed.
    """
    _require_own(folder)
    row_schema()
    with folder_written_aside(folder) as aside:
        tally = Tally()
        with _row_writers(aside, mapped=mapped) as writers:
            for group in _groups(told.items if items is None else items):
                for item in group:
                    tally.add(item)
                batch = batch_of(group, root_of(told.source))
                for writer in writers:
                    writer.write_batch(batch)
        description = describe(folder, told, tally.summary())
        description.save(aside)
    return description


@contextmanager
def _row_writers(aside: Path, *, mapped: bool) -> Iterator[list[Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    with ExitStack() as stack:
        table = parquet.ParquetWriter(aside / TABLE, row_schema(), compression="zstd")
        writers = [stack.enter_context(table)]
        if mapped:
            stream = stack.enter_context(pa.OSFile(str(aside / ROWS), "wb"))
            writers.append(stack.enter_context(pa.ipc.new_file(stream, row_schema())))
        yield writers


def _groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    group: list[Item] = []
    taken = 0
    for item in items:
        group.append(item)
        taken += _bytes_of_annotations(item)
        if len(group) == ROWS_TOGETHER or taken >= _BYTES_TOGETHER:
            yield group
            group, taken = [], 0
    if group:
        yield group


def _bytes_of_annotations(item: Item) -> int:
    """About how much memory its annotations take."""
    return sum(
        _BYTES_OF_ANNOTATION
        + 8 * sum(len(polygon) for polygon in each.polygons)
        + (len(each.mask.counts) if each.mask else 0)
        for each in item.annotations
    )


def _require_own(folder: Path) -> None:
    """Refuse to replace a folder that is no index."""
    known = {DESCRIPTION, TABLE, ROWS}
    if folder.is_dir() and (
        other := sorted(path.name for path in folder.iterdir() if path.name not in known)
    ):
        raise UsageError(
            f"{folder} holds other files ({other[0]})",
            expected="a new folder, or that of an index",
            todo="name another folder",
        )

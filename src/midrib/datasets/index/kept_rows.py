"""The items of an index, read from a memory-mapped file when they are asked for.

A row in any place costs no more than reading that row: the file is mapped, and only the groups
that were last used have an object in Python. What the system keeps of the file in memory it takes
back when others need it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from midrib.datasets.index.description import ROWS, TABLE
from midrib.datasets.index.schema import items_of, row_schema
from midrib.datasets.records import Item, KeptItems, Split, Summary
from midrib.errors import DatasetError, StorageError
from midrib.storage import written_aside

if TYPE_CHECKING:
    import pyarrow as pa

GROUPS_HELD = 8
"""Groups of rows that have an object in memory."""

Places = NDArray[np.int64]


class IndexItems(KeptItems):
    """Every item of an index, in the order of its rows.

    Can be sent to other processes, which open the file themselves.

    Args:
        folder: of the index.
        root: what its paths are relative to.
        summary: what was counted when it was written.
    """

    def __init__(self, folder: Path, root: Path, summary: Summary) -> None:
        self._folder, self._root, self._summary = folder, root, summary
        self._group: Callable[[int], Any] = lru_cache(GROUPS_HELD)(self._read_group)

    @property
    def summary(self) -> Summary:
        return self._summary

    def of(self, split: Split) -> Sequence[Item]:
        return SomeItems(self, self._places(split))

    def taken(self, places: Places) -> Iterator[Item]:
        """The items at ``places``, which ascend, each group of rows read once."""
        for number, first in enumerate(self._starts[:-1]):
            inside = slice(*np.searchsorted(places, (first, self._starts[number + 1])))
            if inside.start < inside.stop:
                rows = self._group(number).take(places[inside] - first)
                yield from self._items(rows)

    def files(self) -> Iterator[tuple[Path, int, str]]:
        """Path, bytes and SHA-256 of each item's file; nothing else is read."""
        for number in range(self._reader.num_record_batches):
            group = self._group(number)
            told = (group.column(name).to_pylist() for name in ("path", "bytes", "sha256"))
            for path, size, sha256 in zip(*told, strict=True):
                yield self._root / path, size, (sha256 or b"").hex()

    def __len__(self) -> int:
        return sum(self._summary.pictures.values())

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return SomeItems(self, np.arange(len(self))[index])
        place = range(len(self))[index]  # negative ones count from the end, others raise
        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        row = self._group(number).slice(place - int(self._starts[number]), 1)
        return self._items(row)[0]

    def __iter__(self) -> Iterator[Item]:
        for number in range(self._reader.num_record_batches):
            yield from self._items(self._group(number))

    def __reduce__(self) -> tuple[type[IndexItems], tuple[Path, Path, Summary]]:
        return IndexItems, (self._folder, self._root, self._summary)

    def _items(self, rows: pa.RecordBatch) -> list[Item]:
        return items_of(rows.to_pylist(), self._root)

    def _places(self, split: Split) -> Places:
        from pyarrow import compute

        found = [
            first
            + np.flatnonzero(
                compute.equal(self._group(number).column("split"), split)
                .fill_null(fill_value=False)
                .to_numpy(zero_copy_only=False)
            )
            for number, first in enumerate(self._starts[:-1])
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _read_group(self, number: int) -> pa.RecordBatch:
        import pyarrow as pa

        try:
            group = self._reader.get_batch(number)
            group.validate(full=True)  # offsets that point nowhere would crash the process
        except (pa.ArrowException, OSError) as problem:
            raise _damaged(self._folder / ROWS, str(problem)) from None
        return group

    @cached_property
    def _starts(self) -> Places:
        """The place of each group's first row, and behind them the number of rows."""
        groups = range(self._reader.num_record_batches)
        counts = [self._reader.get_batch(number).num_rows for number in groups]
        return np.cumsum([0, *counts])

    @cached_property
    def _reader(self) -> Any:
        reader = _opened(self._folder / ROWS, len(self))
        return reader or _opened_again(self._folder, len(self))


class SomeItems(Sequence[Item]):
    """Items of an index at some of its places.

    Args:
        items: all of them.
        places: int64, which of them, in their order.
    """

    def __init__(self, items: IndexItems, places: Places) -> None:
        self._items, self._places = items, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            return SomeItems(self._items, self._places[index])
        return self._items[int(self._places[index])]

    def __iter__(self) -> Iterator[Item]:
        if np.all(np.diff(self._places) > 0):
            return self._items.taken(self._places)
        return (self._items[int(place)] for place in self._places)


def _opened(path: Path, rows: int) -> Any:
    """The mapped file, or None where it is missing or not that of the index."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        groups = range(reader.num_record_batches)
        counted = sum(reader.get_batch(number).num_rows for number in groups)
    except (pa.ArrowException, OSError):
        return None
    return reader if counted == rows and reader.schema.equals(row_schema()) else None


def _opened_again(folder: Path, rows: int) -> Any:
    """The mapped file made anew from the table; aside where the folder takes no file."""
    try:
        with written_aside(folder / ROWS) as aside:
            _unpack(folder / TABLE, aside)
        reader = _opened(folder / ROWS, rows)
    except StorageError:
        with tempfile.TemporaryDirectory(prefix="midrib-index-") as elsewhere:
            _unpack(folder / TABLE, Path(elsewhere) / ROWS)
            reader = _opened(Path(elsewhere) / ROWS, rows)  # stays mapped when its name is gone
    if reader is None:
        raise _damaged(folder / TABLE, f"it has other columns, or not {rows:,} rows")
    return reader


def _unpack(table: Path, target: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with (
            parquet.ParquetFile(table) as packed,
            pa.OSFile(str(target), "wb") as stream,
            pa.ipc.new_file(stream, packed.schema_arrow) as rows,
        ):
            for number in range(packed.num_row_groups):
                rows.write_table(packed.read_row_group(number))
    except pa.ArrowException as problem:
        raise _damaged(table, str(problem)) from None


def _damaged(path: Path, why: str) -> DatasetError:
    return DatasetError(
        f"{path} cannot be read: {why}"[:500],
        expected="an index that midrib wrote",
        todo="write it again with 'midrib data index'",
    )

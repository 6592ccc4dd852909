"""The prediction log's files: Parquet, one folder a model and UTC day, each whole or absent.

    <folder>/<model>/date=2026-11-21/101500-4711-9f3a-12-12.parquet

A name is ``<time>-<process>-<writer>-<first>-<last>``. Merging the small files 12 to 43 makes
``…-12-43``; a reader leaves out files that lie within another one's span, so that no row counts
twice even when the process dies before the merged ones are gone.
"""

from __future__ import annotations

import os
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from midrib.errors import MissingExtraError, UsageError
from midrib.packages import PICTURE_STATISTICS
from midrib.packages.reference import EmbeddingSketch
from midrib.storage import written_aside

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]

_SUFFIX = ".parquet"
_SPAN = re.compile(r"\d+-(\d+-[0-9a-f]+)-(\d+)-(\d+)")
# Merged files are merged once more, then left: 32 × 32 flushes are half an hour of steady traffic.
_LEVELS = 2


class _Span(NamedTuple):
    """Which of one writer's flushes a file holds."""

    writer: str
    first: int
    last: int
    path: Path


def log_schema() -> pa.Schema:
    """The columns. Raises ``MissingExtraError`` without pyarrow."""
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError("the prediction log", extra="server") from None
    sketch_dimensions = EmbeddingSketch(embedding_size=1).dimensions
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False),
            pa.field("model", pa.string(), nullable=False),
            pa.field("version", pa.int32(), nullable=False),
            pa.field("engine", pa.string(), nullable=False),
            pa.field("status", pa.int16(), nullable=False),
            pa.field("latency_ms", pa.float32(), nullable=False),
            pa.field("bytes", pa.int64(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("score", pa.float32()),
            pa.field("shares", pa.map_(pa.string(), pa.float32())),
            *(pa.field(name, pa.float32()) for name in PICTURE_STATISTICS),
            pa.field("sketch", pa.list_(pa.float32(), sketch_dimensions)),
        ]
    )


def partition_of(folder: Path, model: str, time_ms: int) -> Path:
    """The folder for one model's rows of one UTC day. Raises ``UsageError`` for a path."""
    if Path(model).name != model or model.startswith("."):
        raise UsageError(
            f"the model name {model!r} is a path",
            expected="a plain name",
            todo="log under the package's name",
        )
    return folder / model / f"date={datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d}"


def files_since(model_folder: Path, since: datetime) -> list[Path]:
    """The files that may hold rows from ``since`` on, each row in exactly one of them."""
    first_day = f"date={since.astimezone(UTC):%Y-%m-%d}"
    days = sorted(day for day in model_folder.glob("date=*") if day.name >= first_day)
    return [path for day in days for path in _without_merged(day.glob(f"*{_SUFFIX}"))]


class PartitionWriter:
    """Writes rows below ``folder`` and merges its own small files. Used by one thread.

    Raises ``MissingExtraError`` without pyarrow.
    """

    def __init__(self, folder: Path, *, merge_at: int) -> None:
        self._folder = folder
        self._merge_at = merge_at
        self._schema = log_schema()
        self._writer = f"{os.getpid()}-{secrets.token_hex(3)}"
        self._numbers = count()
        self._levels: defaultdict[Path, list[list[_Span]]] = defaultdict(
            lambda: [[] for _ in range(_LEVELS + 1)]
        )

    def write(self, rows: list[Row]) -> None:
        """Write ``rows`` of one model and day as one file. Raises ``StorageError``."""
        import pyarrow as pa

        partition = partition_of(self._folder, rows[0]["model"], rows[0]["time"])
        table = pa.Table.from_pylist(rows, schema=self._schema)
        number = next(self._numbers)
        self._levels[partition][0].append(self._store(table, partition, number, number))

    def merge_full(self) -> None:
        """Merge where enough small files have gathered. Raises ``StorageError``."""
        for partition, levels in self._levels.items():
            for level in range(_LEVELS):
                if len(levels[level]) >= self._merge_at:
                    levels[level + 1].append(self._merge(partition, levels[level]))
                    levels[level] = []

    def merge_rest(self) -> None:
        """Merge all small files of each partition into one. Raises ``StorageError``."""
        for partition, levels in self._levels.items():
            small = [span for level in reversed(levels[:_LEVELS]) for span in level]
            if len(small) > 1:
                self._merge(partition, small)
        self._levels.clear()

    def _merge(self, partition: Path, spans: list[_Span]) -> _Span:
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.concat_tables([parquet.ParquetFile(span.path).read() for span in spans])
        merged = self._store(table, partition, spans[0].first, spans[-1].last)
        for span in spans:
            span.path.unlink(missing_ok=True)
        return merged

    def _store(self, table: pa.Table, partition: Path, first: int, last: int) -> _Span:
        from pyarrow import parquet

        now = f"{datetime.now(UTC):%H%M%S}"
        target = partition / f"{now}-{self._writer}-{first}-{last}{_SUFFIX}"
        with written_aside(target) as aside:
            parquet.write_table(table, aside, compression="zstd")
        return _Span(self._writer, first, last, target)


def _without_merged(paths: Iterable[Path]) -> list[Path]:
    """Leave out files that lie within another file's span of the same writer."""
    spans, others = [], []
    for path in sorted(paths):
        match = _SPAN.fullmatch(path.stem)
        if match:
            spans.append(_Span(match[1], int(match[2]), int(match[3]), path))
        else:
            others.append(path)
    spans.sort(key=lambda span: (span.writer, span.first, -span.last))
    kept: list[_Span] = []
    for span in spans:
        if not kept or kept[-1].writer != span.writer or span.last > kept[-1].last:
            kept.append(span)
    return sorted([*others, *(span.path for span in kept)])

"""Write down what was asked and answered, off the hot path."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Self

import numpy as np
import structlog
from pydantic import Field

from midrib.config import Config
from midrib.errors import MidribError
from midrib.monitoring.partitions import PartitionWriter, Row, partition_of
from midrib.packages import PICTURE_STATISTICS, EmbeddingSketch, picture_statistics
from midrib.records import Floats, Pixels

_logger = structlog.get_logger(__name__)

_TOGETHER = 32
"""Entries whose statistics are computed at once: a fifth of the time that they take one by one,
since each finds the processor's caches full of the server's own work."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class LoggedPrediction:
    """One picture that was asked about.

    ``latency_ms``: from the request's arrival to its answer. ``status``: the HTTP status that the
    client saw. ``bytes``: of the encoded picture. ``picture``: the canonical model input, uint8,
    height × width × 3, and ``embedding``: float32, features; only statistics of them are kept.
    ``shares``: of a segmenter, the share of the picture that each class has. A request that got no
    answer has neither label nor what follows. ``time_ms``: UTC, milliseconds
    since 1970.
    """

    id: str
    model: str
    version: int
    engine: str
    latency_ms: float
    bytes: int
    status: int = 200
    label: str | None = None
    score: float | None = None
    shares: Mapping[str, float] | None = None
    picture: Pixels | None = field(default=None, repr=False)
    embedding: Floats | None = field(default=None, repr=False)
    time_ms: int = field(default_factory=_now_ms)


class LogConfig(Config):
    """How much the log holds back and how often it writes."""

    queue_size: int = Field(default=512, gt=0)
    """Predictions that may wait for the log's thread; each holds its picture, 150 KB at 224 px."""

    flush_seconds: float = Field(default=2.0, gt=0)
    """Longest that a prediction stays in memory while the disk takes it."""

    flush_rows: int = Field(default=5_000, gt=0)
    """Rows that are written at once without waiting for the clock."""

    kept_rows: int = Field(default=20_000, gt=0)
    """Rows that are kept while the disk takes none; older ones are lost first, and counted."""

    merge_at: int = Field(default=32, gt=1)
    """Small files of one day that are merged into one."""


@dataclass(frozen=True)
class LogCounts:
    """What became of the predictions.

    ``recorded`` were taken, of which ``written`` can be read and ``lost`` met a disk that took
    nothing, or made no sense; ``dropped`` met a full queue or a closed log and were never taken.
    """

    recorded: int
    dropped: int
    lost: int
    written: int


class PredictionLog:
    """Takes predictions from any thread or coroutine without ever blocking it or raising.

    A thread of its own computes statistics and writes Parquet files below
    ``folder/<model>/date=<UTC day>/``. Close it, or use it in ``with``, to write what is left.

    Raises ``MissingExtraError`` when pyarrow is not installed.
    """

    def __init__(self, folder: Path, config: LogConfig | None = None) -> None:
        self._config = config or LogConfig()
        self._folder = folder
        self._writer = PartitionWriter(folder, merge_at=self._config.merge_at)
        self._queue: deque[LoggedPrediction] = deque()
        self._rows: list[Row] = []
        self._disk_takes = True
        self._closed = False
        self._changed = Condition()
        self._recorded = self._dropped = self._lost = self._written = 0
        self._thread = Thread(target=self._work, name="midrib-prediction-log", daemon=True)
        self._thread.start()

    def record(self, prediction: LoggedPrediction) -> None:
        """Take one prediction, or count it as dropped when the queue is full."""
        with self._changed:
            if self._closed or len(self._queue) >= self._config.queue_size:
                self._dropped += 1
                return
            self._queue.append(prediction)
            self._recorded += 1
            # Waking a thread for each prediction would cost a request more than the log itself.
            if len(self._queue) % _TOGETHER == 0:
                self._changed.notify()

    def counts(self) -> LogCounts:
        """What became of the predictions so far."""
        return LogCounts(self._recorded, self._dropped, self._lost, self._written)

    def close(self) -> None:
        """Take nothing more, write what is left, merge small files. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _work(self) -> None:
        due = time.monotonic() + self._config.flush_seconds
        going_on = True
        while going_on:
            entries, going_on = self._take(due - time.monotonic())
            self._digest(entries)
            many = self._disk_takes and len(self._rows) >= self._config.flush_rows
            if many or not going_on or time.monotonic() >= due:
                self._flush()
                due = time.monotonic() + self._config.flush_seconds
        if self._rows:
            self._lost += len(self._rows)
            _logger.warning("predictions lost: the disk took none", rows=len(self._rows))
        self._merge(rest=True)

    def _take(self, seconds: float) -> tuple[list[LoggedPrediction], bool]:
        """Up to ``_TOGETHER`` predictions, once there are as many or time is up; may more come?"""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or len(self._queue) >= _TOGETHER, max(0.0, seconds)
            )
            entries = [self._queue.popleft() for _ in range(min(_TOGETHER, len(self._queue)))]
            return entries, bool(self._queue) or not self._closed

    def _digest(self, entries: list[LoggedPrediction]) -> None:
        """Make rows of ``entries``: together, or one by one when one of them is odd."""
        try:
            self._rows += self._rows_of(entries)
        except Exception as problem:  # noqa: BLE001 - one odd entry must not end the log's thread
            if len(entries) > 1:
                for entry in entries:
                    self._digest([entry])
                return
            self._lost += 1
            _logger.warning("prediction not logged", id=entries[0].id, problem=str(problem))

    def _rows_of(self, entries: list[LoggedPrediction]) -> list[Row]:
        for entry in entries:
            partition_of(self._folder, entry.model, entry.time_ms)
        return _rows(entries)

    def _flush(self) -> None:
        """Write the rows, one file a model and day; keep those that the disk does not take."""
        by_partition: defaultdict[Path, list[Row]] = defaultdict(list)
        for row in self._rows:
            by_partition[partition_of(self._folder, row["model"], row["time"])].append(row)
        kept: list[Row] = []
        for rows in by_partition.values():
            try:
                self._writer.write(rows)
                self._written += len(rows)
            except MidribError as problem:
                kept += rows
                if self._disk_takes:
                    _logger.warning("prediction log not written, trying on", problem=str(problem))
        if by_partition:
            self._disk_takes = not kept
        over = max(0, len(kept) - self._config.kept_rows)
        self._lost += over
        self._rows = kept[over:]
        self._merge(rest=False)

    def _merge(self, *, rest: bool) -> None:
        try:
            if rest:
                self._writer.merge_rest()
            else:
                self._writer.merge_full()
        except MidribError as problem:
            _logger.warning("prediction log files not merged", problem=str(problem))


def _rows(entries: list[LoggedPrediction]) -> list[Row]:
    """Rows of ``entries``, with the statistics of all pictures of one size computed at once."""
    rows = [_row(entry) for entry in entries]
    by_shape: defaultdict[tuple[int, ...], list[tuple[Row, Pixels]]] = defaultdict(list)
    by_length: defaultdict[int, list[tuple[Row, Floats]]] = defaultdict(list)
    for row, entry in zip(rows, entries, strict=True):
        if entry.picture is not None:
            by_shape[entry.picture.shape].append((row, entry.picture))
        if entry.embedding is not None:
            by_length[len(entry.embedding)].append((row, entry.embedding))
    for pictured in by_shape.values():
        statistics = picture_statistics(np.stack([picture for _, picture in pictured])).tolist()
        for (row, _), numbers in zip(pictured, statistics, strict=True):
            row.update(zip(PICTURE_STATISTICS, numbers, strict=True))
    for length, embedded in by_length.items():
        sketch = EmbeddingSketch(embedding_size=length)
        projected = sketch.project(np.stack([embedding for _, embedding in embedded])).tolist()
        for (row, _), numbers in zip(embedded, projected, strict=True):
            row["sketch"] = numbers
    return rows


def _row(entry: LoggedPrediction) -> Row:
    return {
        "id": str(entry.id),
        "time": int(entry.time_ms),
        "model": entry.model,
        "version": int(entry.version),
        "engine": str(entry.engine),
        "status": int(entry.status),
        "latency_ms": float(entry.latency_ms),
        "bytes": int(entry.bytes),
        "label": None if entry.label is None else str(entry.label),
        "score": None if entry.score is None else float(entry.score),
        "shares": None if entry.shares is None else dict(entry.shares),
    }

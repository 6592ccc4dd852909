"""Ask the prediction log with SQL: DuckDB over its Parquet files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from midrib.errors import MissingExtraError, StorageError
from midrib.monitoring.partitions import files_since
from midrib.packages import PICTURE_STATISTICS
from midrib.records import Floats

if TYPE_CHECKING:
    import duckdb

QUANTILES = ("p50", "p95", "p99")
_ATTEMPTS = 3
_NEVER_FETCH: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# Enough for any verdict; bounds what a busy day takes in memory.
_MOST_COMPARED = 100_000


@dataclass(frozen=True)
class Traffic:
    """One version's requests: how many, how they ended, how long they took (milliseconds).

    ``labels``: pictures by class; of a segmenter the sums of each class's shares of pictures, so
    that they add up to pictures too.
    """

    version: int
    requests: int
    refused: int
    failed: int
    latency_ms: dict[str, float]
    labels: dict[str, float]


@dataclass(frozen=True)
class LiveSample:
    """Answered pictures of one version, one a row.

    ``score`` and each of ``statistics``: float32, count; ``sketch``: float32, count × dimensions.
    """

    score: Floats
    statistics: dict[str, Floats]
    sketch: Floats


T = TypeVar("T")


def read_log(model_folder: Path, since: datetime, ask: Callable[[LogReader], T]) -> T:
    """Let ``ask`` query the rows of one model from ``since`` on.

    Raises:
        MissingExtraError: DuckDB is not installed.
        StorageError: a file cannot be read.
    """
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError("monitoring", extra="server") from None

    for attempt in range(1, _ATTEMPTS + 1):
        with duckdb.connect(config=_NEVER_FETCH) as connection:
            try:
                return ask(LogReader(connection, files_since(model_folder, since), since))
            except duckdb.Error as problem:
                # The log's writer may have merged a file away since it was listed.
                if attempt == _ATTEMPTS:
                    raise StorageError(
                        f"the prediction log {model_folder} cannot be read: {problem}",
                        expected="Parquet files that midrib wrote",
                        todo="move the file that is named out of the folder",
                    ) from None
    raise AssertionError("the last attempt returns or raises")


class LogReader:
    """The rows of one model from ``since`` on, read where they lie."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, files: list[Path], since: datetime
    ) -> None:
        self._connection = connection
        self._is_empty = not files
        self._tells_shares = False  # files of older versions do not
        if files:
            rows = connection.read_parquet(
                [str(path) for path in files], union_by_name=True, hive_partitioning=False
            )
            self._tells_shares = "shares" in rows.columns
            rows.filter(f"epoch_ms(time) >= {int(since.timestamp() * 1000)}").create_view("log")

    def hours(self) -> list[tuple[int, int, int]]:
        """Start (UTC, milliseconds), requests and failures of each hour that had any."""
        return self._rows(
            "SELECT epoch_ms(time) // 3600000 * 3600000 AS hour, count(*),"
            " count(*) FILTER (status >= 500) FROM log GROUP BY hour ORDER BY hour"
        )

    def traffic(self) -> list[Traffic]:
        """Each version's requests, by version."""
        rows = self._rows(
            "SELECT version, count(*), count(*) FILTER (status BETWEEN 400 AND 499),"
            " count(*) FILTER (status >= 500),"
            " quantile_cont(latency_ms, [0.5, 0.95, 0.99]) FILTER (status < 400)"
            " FROM log GROUP BY version ORDER BY version"
        )
        labels = self._labels()
        return [
            Traffic(
                version=version,
                requests=requests,
                refused=refused,
                failed=failed,
                latency_ms=dict(zip(QUANTILES, quantiles or (), strict=False)),
                labels=labels.get(version, {}),
            )
            for version, requests, refused, failed, quantiles in rows
        ]

    def sample(self, version: int, dimensions: int) -> LiveSample:
        """At most 100,000 answered pictures of ``version``, drawn by the hash of their id."""
        sketch = [f"sketch_{index}" for index in range(dimensions)]
        numbers = ["score", *PICTURE_STATISTICS]
        columns = numbers + [f"sketch[{index + 1}] AS {name}" for index, name in enumerate(sketch)]
        complete = " AND ".join(f"{name} IS NOT NULL" for name in (*numbers, "sketch"))
        found = self._connection.execute(
            f"SELECT {', '.join(columns)} FROM log WHERE version = ? AND {complete}"  # noqa: S608 - the columns' names are our own
            " ORDER BY hash(id) LIMIT ?",
            [version, _MOST_COMPARED],
        ).fetchnumpy()
        arrays = {name: np.asarray(values, np.float32) for name, values in found.items()}
        return LiveSample(
            score=arrays["score"],
            statistics={name: arrays[name] for name in PICTURE_STATISTICS},
            sketch=np.stack([arrays[name] for name in sketch], axis=1),
        )

    def _labels(self) -> dict[int, dict[str, float]]:
        without = "AND shares IS NULL" if self._tells_shares else ""
        rows = self._rows(
            f"SELECT version, label, count(*) FROM log WHERE label IS NOT NULL {without}"  # noqa: S608 - our own text
            " GROUP BY version, label ORDER BY version, label"
        )
        if self._tells_shares:
            rows += self._rows(
                "SELECT version, each.key, sum(each.value) FROM"
                " (SELECT version, unnest(map_entries(shares)) AS each FROM log"
                " WHERE shares IS NOT NULL) GROUP BY ALL ORDER BY ALL"
            )
        labels: defaultdict[int, dict[str, float]] = defaultdict(dict)
        for version, label, pictures in rows:
            labels[version][label] = pictures
        return labels

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return [] if self._is_empty else self._connection.execute(query).fetchall()

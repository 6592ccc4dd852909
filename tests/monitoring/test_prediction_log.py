from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from picture_stream import Stream
from pyarrow import parquet

from midrib.monitoring import LogConfig, LoggedPrediction, PredictionLog
from midrib.monitoring.partitions import PartitionWriter, files_since
from midrib.packages import PICTURE_STATISTICS, EmbeddingSketch, picture_statistics

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _rows(folder: Path) -> list[dict[str, Any]]:
    files = [path for model in sorted(folder.iterdir()) for path in files_since(model, LONG_AGO)]
    return [row for path in files for row in parquet.ParquetFile(path).read().to_pylist()]


def _wait_until(come: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not come():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def _bare(index: int, **fields: Any) -> LoggedPrediction:
    named = {"id": str(index), "model": "cells", "version": 1, "engine": "onnxruntime"}
    return LoggedPrediction(**{**named, "latency_ms": 1.0, "bytes": 1, **fields})


def test_what_is_recorded_can_be_read(tmp_path: Path, usual: Stream) -> None:
    """Every field of a prediction, its picture's statistics and its sketch come back."""
    with PredictionLog(tmp_path) as log:
        for prediction in usual.predictions()[:20]:
            log.record(prediction)
    rows = _rows(tmp_path)
    assert len(rows) == log.counts().written == 20
    row, prediction = rows[7], usual.predictions()[7]
    assert (row["id"], row["label"], row["status"], row["bytes"]) == (
        "1-7",
        prediction.label,
        200,
        1007,
    )
    assert row["score"] == pytest.approx(prediction.score)
    assert abs(row["time"] - datetime.now(UTC)) < timedelta(minutes=5)
    statistics = picture_statistics(usual.pictures[7:8])[0]
    assert [row[name] for name in PICTURE_STATISTICS] == pytest.approx(statistics.tolist())
    sketch = EmbeddingSketch(embedding_size=usual.embeddings.shape[1])
    expected = sketch.project(usual.embeddings[7:8])[0]
    assert row["sketch"] == pytest.approx(expected.tolist(), rel=1e-5)


def test_rows_are_written_while_the_log_is_open(tmp_path: Path) -> None:
    """A prediction can be read soon after, and lies under its model and UTC day."""
    with PredictionLog(tmp_path, LogConfig(flush_seconds=0.05)) as log:
        log.record(_bare(1, time_ms=1_700_000_000_000))
        log.record(_bare(2, model="leaves"))
        _wait_until(lambda: log.counts().written == 2)
        day = tmp_path / "cells" / "date=2023-11-14"
        assert len(list(day.glob("*.parquet"))) == 1
        assert len(_rows(tmp_path)) == 2


def test_a_request_without_an_answer_is_logged_too(tmp_path: Path) -> None:
    """A refused request has a status, and no label, statistics or sketch."""
    with PredictionLog(tmp_path) as log:
        log.record(_bare(1, status=415))
    (row,) = _rows(tmp_path)
    assert row["status"] == 415
    assert row["label"] is row["score"] is row["sharpness"] is row["sketch"] is None


def test_recording_from_many_threads_counts_every_prediction(tmp_path: Path) -> None:
    """Whatever the load, each prediction is either written once or counted as dropped."""
    log = PredictionLog(tmp_path, LogConfig(queue_size=4, flush_rows=50, merge_at=2))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda index: log.record(_bare(index)), range(2000)))
    log.close()
    counts = log.counts()
    assert counts.recorded + counts.dropped == 2000
    ids = [row["id"] for row in _rows(tmp_path)]
    assert len(ids) == len(set(ids)) == counts.written == counts.recorded


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    """While the log's thread is busy, what finds no room is dropped, not waited for."""
    slow = np.broadcast_to(np.uint8(7), (8000, 8000, 3))
    with PredictionLog(tmp_path, LogConfig(queue_size=1)) as log:
        log.record(_bare(0, picture=slow))
        for index in range(1, 50):
            log.record(_bare(index))
    assert log.counts().dropped > 0
    assert log.counts().dropped + log.counts().written == 50


def test_a_closed_log_drops(tmp_path: Path) -> None:
    """Recording after close, and closing twice, do no harm."""
    log = PredictionLog(tmp_path)
    log.close()
    log.close()
    log.record(_bare(1))
    assert log.counts().dropped == 1


def test_a_disk_that_refuses_for_a_while_loses_nothing(tmp_path: Path) -> None:
    """Rows wait while nothing can be written, one warning is given, and all arrive after."""
    in_the_way = tmp_path / "cells"
    in_the_way.write_text("")
    with (
        structlog.testing.capture_logs() as warnings,
        PredictionLog(tmp_path, LogConfig(flush_seconds=0.02)) as log,
    ):
        log.record(_bare(1))
        _wait_until(lambda: bool(warnings))
        log.record(_bare(2))
        in_the_way.unlink()
    assert [warning["log_level"] for warning in warnings] == ["warning"]
    assert "cells" in warnings[0]["problem"]
    assert {row["id"] for row in _rows(tmp_path)} == {"1", "2"}
    assert log.counts().lost == 0


def test_a_disk_that_refuses_for_good_is_counted(tmp_path: Path) -> None:
    """Memory stays bounded while nothing can be written, and lost rows are counted."""
    (tmp_path / "cells").write_text("")
    with structlog.testing.capture_logs():
        log = PredictionLog(tmp_path, LogConfig(flush_seconds=0.02, kept_rows=5))
        for index in range(40):
            log.record(_bare(index))
        _wait_until(lambda: log.counts().lost == 35)
        assert len(log._rows) == 5
        log.close()
    assert (log.counts().lost, log.counts().written) == (40, 0)


def test_an_odd_entry_does_not_end_the_log(tmp_path: Path) -> None:
    """An entry that makes no sense, or a model name that is a path, is lost; the next is kept."""
    with structlog.testing.capture_logs() as warnings, PredictionLog(tmp_path / "log") as log:
        log.record(_bare(1, picture=np.zeros(3, np.uint8)))
        log.record(_bare(2, model="../elsewhere"))
        log.record(_bare(3))
    assert [row["id"] for row in _rows(tmp_path / "log")] == ["3"]
    assert (log.counts().lost, len(warnings)) == (2, 2)
    assert not (tmp_path / "elsewhere").exists()


def test_small_files_are_merged(tmp_path: Path) -> None:
    """Many flushes leave few files with every row, while open and after closing."""
    writer = PartitionWriter(tmp_path, merge_at=3)
    for index in range(30):
        row = {"version": 1, "engine": "e", "status": 200, "latency_ms": 1.0, "bytes": 1}
        writer.write([{"id": str(index), "time": 1_700_000_000_000, "model": "cells", **row}])
        writer.merge_full()
        assert sorted(int(row["id"]) for row in _rows(tmp_path)) == list(range(index + 1))
    day = tmp_path / "cells" / "date=2023-11-14"
    assert len(list(day.iterdir())) <= 9
    writer.merge_rest()
    assert len(list(day.iterdir())) == 4
    assert sorted(int(row["id"]) for row in _rows(tmp_path)) == list(range(30))


def test_a_merge_that_was_cut_short_counts_no_row_twice(tmp_path: Path) -> None:
    """Small files that outlive their merged one are left out by readers."""
    for name in (
        "101500-7-ab12-0-0",
        "101502-7-ab12-1-1",
        "101504-7-ab12-0-1",
        "101501-7-cd34-0-0",
    ):
        day = tmp_path / "date=2026-01-01"
        day.mkdir(exist_ok=True)
        (day / f"{name}.parquet").touch()
    kept = [path.stem for path in files_since(tmp_path, LONG_AGO)]
    assert kept == ["101501-7-cd34-0-0", "101504-7-ab12-0-1"]


def test_a_killed_process_leaves_only_whole_files(tmp_path: Path) -> None:
    """After kill -9 in mid-traffic, every file that a reader sees is readable."""
    code = f"""
from pathlib import Path
from midrib.monitoring import LogConfig, LoggedPrediction, PredictionLog
log = PredictionLog(Path({str(tmp_path)!r}), LogConfig(flush_seconds=0.01, merge_at=3))
index = 0
while True:
    log.record(LoggedPrediction(str(index), "cells", 1, "e", 1.0, 1))
    index += 1
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        _wait_until(lambda: len(list(tmp_path.glob("cells/*/*.parquet"))) > 3)
    finally:
        process.kill()
        process.wait()
    ids = [row["id"] for row in _rows(tmp_path)]
    assert len(ids) == len(set(ids)) > 0


def test_importing_monitoring_loads_nothing_heavy() -> None:
    """A fresh interpreter imports monitoring without torch, pyarrow or DuckDB."""
    code = (
        "import midrib.monitoring, sys;"
        "print([m for m in ('torch', 'pyarrow', 'duckdb', 'mlflow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Without pyarrow or DuckDB the error names the extra that brings them."""
    code = f"""
import sys
from pathlib import Path
sys.modules["pyarrow"] = sys.modules["duckdb"] = None
from midrib.errors import MissingExtraError
from midrib.monitoring import PredictionLog, monitor
folder = Path({str(tmp_path)!r})
(folder / "cells" / "date=2026-01-01").mkdir(parents=True)
for call in (lambda: PredictionLog(folder), lambda: monitor("cells", folder, {{}})):
    try:
        call()
    except MissingExtraError as error:
        print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout.count("pip install 'midrib[server]'") == 2

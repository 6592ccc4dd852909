from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from picture_stream import Stream
from pyarrow import parquet

from midrib.errors import StorageError, UnknownNameError, UsageError
from midrib.monitoring import LogConfig, LoggedPrediction, PredictionLog, VersionWatch, monitor
from midrib.packages import PICTURE_STATISTICS


def _log(folder: Path, *predictions: LoggedPrediction) -> None:
    with PredictionLog(folder, LogConfig(queue_size=5000)) as log:
        for prediction in predictions:
            log.record(prediction)
    assert log.counts().written == len(predictions)


def _verdicts(version: VersionWatch) -> dict[str, str]:
    return {comparison.measure: comparison.verdict for comparison in version.comparisons}


def test_the_same_kind_of_pictures_is_steady(tmp_path: Path, usual: Stream) -> None:
    """Live traffic of the reference's kind is steady in every measure."""
    _log(tmp_path, *Stream.draw(600, seed=1).predictions())
    (version,) = monitor("cells", tmp_path, {1: usual.reference()}).versions
    assert version.verdict == "steady"
    assert set(_verdicts(version)) == {"classes", *PICTURE_STATISTICS, "confidence", "embedding"}


def test_each_kind_of_drift_is_told_from_the_others(tmp_path: Path, usual: Stream) -> None:
    """Darker pictures, moved features and another class mix each show in their own measure."""
    _log(
        tmp_path,
        *Stream.draw(600, seed=2, light=0.5).predictions(version=1),
        *Stream.draw(600, seed=3, turn=1.0).predictions(version=2),
        *Stream.draw(600, seed=4, defects=0.8).predictions(version=3),
    )
    references = dict.fromkeys((1, 2, 3), usual.reference())
    darker, turned, mixed = monitor("cells", tmp_path, references).versions
    assert _verdicts(darker)["brightness"] == "drifted"
    assert _verdicts(darker)["embedding"] == _verdicts(darker)["classes"] == "steady"
    assert _verdicts(turned)["embedding"] == "drifted"
    assert _verdicts(turned)["brightness"] == "steady"
    assert _verdicts(mixed)["classes"] == "drifted"
    assert _verdicts(mixed)["embedding"] == "steady"
    assert {version.verdict for version in (darker, turned, mixed)} == {"drifted"}


def test_few_pictures_tell_nothing_yet(tmp_path: Path, usual: Stream) -> None:
    """With a handful of pictures the watch says how many a verdict takes."""
    _log(tmp_path, *Stream.draw(12, seed=5).predictions())
    (version,) = monitor("cells", tmp_path, {1: usual.reference()}).versions
    assert version.verdict == "too few to tell"
    assert all(comparison.needed > 12 for comparison in version.comparisons)


def test_traffic_is_counted_by_version(tmp_path: Path, usual: Stream) -> None:
    """Requests, refusals, failures, latencies and labels are those that were logged."""
    answered = Stream.draw(100, seed=6).predictions()
    refused = LoggedPrediction("r", "cells", 2, "e", 900.0, 10, status=415)
    failed = LoggedPrediction("f", "cells", 2, "e", 900.0, 10, status=500)
    _log(tmp_path, *answered, refused, failed)
    watch = monitor("cells", tmp_path, {1: usual.reference()})
    first, second = watch.versions
    assert watch.requests == sum(hour[1] for hour in watch.hours) == 102
    assert sum(hour[2] for hour in watch.hours) == 1
    assert first.traffic.latency_ms == pytest.approx({"p50": 50.5, "p95": 95.05, "p99": 99.01})
    labels = [prediction.label for prediction in answered]
    assert first.traffic.labels["sound"] == labels.count("sound")
    assert (second.traffic.requests, second.traffic.refused, second.traffic.failed) == (2, 1, 1)
    assert (second.verdict, second.traffic.latency_ms) == ("no reference", {})


def test_only_refused_requests_still_make_a_watch(tmp_path: Path, usual: Stream) -> None:
    """A version that never answered is compared as far as nothing goes: too few to tell."""
    _log(tmp_path, LoggedPrediction("r", "cells", 1, "e", 1.0, 10, status=415))
    (version,) = monitor("cells", tmp_path, {1: usual.reference()}).versions
    assert version.verdict == "too few to tell"


def test_only_the_asked_for_time_counts(tmp_path: Path) -> None:
    """What is older than ``since_hours`` is left out, within a day and across days."""
    now = time.time_ns() // 1_000_000
    ages = {"now": 0, "two hours": 2, "three days": 72}
    for name, hours in ages.items():
        at = now - hours * 3_600_000
        _log(tmp_path, LoggedPrediction(name, "cells", 1, "e", 1.0, 1, label="sound", time_ms=at))
    assert monitor("cells", tmp_path, {}, since_hours=1).requests == 1
    assert monitor("cells", tmp_path, {}).requests == 2
    assert monitor("cells", tmp_path, {}, since_hours=100).requests == 3


def test_a_quiet_model_has_an_empty_watch(tmp_path: Path) -> None:
    """A model that was asked nothing of late has no version, and no error."""
    _log(tmp_path, LoggedPrediction("old", "cells", 1, "e", 1.0, 1, time_ms=1_700_000_000_000))
    watch = monitor("cells", tmp_path, {})
    assert (watch.requests, watch.versions, watch.per_minute) == (0, (), 0.0)


def test_the_record_is_json(tmp_path: Path, usual: Stream) -> None:
    """The watch as a record survives JSON and shows each class beside its reference."""
    _log(tmp_path, *Stream.draw(40, seed=7).predictions())
    record = monitor("cells", tmp_path, {1: usual.reference()}).as_record()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    (version,) = record["versions"]  # type: ignore[misc] - a record is loosely typed
    assert version["classes"]["sound"]["reference"] == usual.reference().class_shares["sound"]
    assert record["requests_per_minute"] > 0  # type: ignore[operator] - as above


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    """A model that was never logged is refused with the names that were, or with what to do."""
    with pytest.raises(UnknownNameError, match=r"'cells'.*run 'midrib serve cells' and ask it"):
        monitor("cells", tmp_path / "nowhere", {})
    _log(tmp_path, LoggedPrediction("a", "cells", 1, "e", 1.0, 1))
    with pytest.raises(UnknownNameError, match="did you mean 'cells'"):
        monitor("cell", tmp_path, {})
    with pytest.raises(UsageError, match="more than 0"):
        monitor("cells", tmp_path, {}, since_hours=0)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    """A file that is no Parquet file is named in the error."""
    _log(tmp_path, LoggedPrediction("a", "cells", 1, "e", 1.0, 1))
    (day,) = (tmp_path / "cells").iterdir()
    (day / "notes.parquet").write_text("not a table")
    with pytest.raises(StorageError, match=r"notes\.parquet"):
        monitor("cells", tmp_path, {})


def _of_pixels(name: str, nucleus: float) -> LoggedPrediction:
    shares = {"background": 1 - nucleus, "nucleus": nucleus}
    return LoggedPrediction(name, "cells", 2, "e", 1.0, 1, label="nucleus", shares=shares)


def test_pixels_are_counted_by_class(tmp_path: Path) -> None:
    """Of a segmenter the class mix is the sum of shares, not the label of each picture."""
    _log(tmp_path, _of_pixels("a", 0.25), _of_pixels("b", 0.5))
    _log(tmp_path, LoggedPrediction("c", "cells", 1, "e", 1.0, 1, label="sound"))
    first, second = monitor("cells", tmp_path, {}).versions
    assert first.traffic.labels == {"sound": 1}
    assert second.traffic.labels == pytest.approx({"background": 1.25, "nucleus": 0.75})


def test_files_without_shares_are_read(tmp_path: Path) -> None:
    """What was logged before there were segmenters is watched like the rest."""
    _log(tmp_path, LoggedPrediction("a", "cells", 1, "e", 1.0, 1, label="sound"))
    [file] = (tmp_path / "cells").rglob("*.parquet")
    parquet.write_table(parquet.ParquetFile(file).read().drop_columns(["shares"]), file)
    [version] = monitor("cells", tmp_path, {}).versions
    assert version.traffic.labels == {"sound": 1}

"""Splits on disk: one line a picture, known by its content."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from midrib.datasets.records import SPLITS, Dataset, Split
from midrib.errors import DatasetError
from midrib.storage import write_text

COLUMNS = ["path", "sha256", "label", "split"]
_SHA256 = re.compile(r"[0-9a-f]{64}")


def save_splits(dataset: Dataset, path: Path) -> None:
    """Write path (relative to the source where it can be), SHA-256, label and split as CSV.

    Raises ``DatasetError`` when a picture has no split yet.
    """
    unsplit = sum(item.split is None for item in dataset.items)
    if unsplit:
        raise DatasetError(
            f"{dataset.source} holds pictures without a split ({unsplit:,})",
            expected="a split for every picture",
            todo="split the dataset first",
        )
    root = dataset.source if dataset.source.is_dir() else dataset.source.parent
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in sorted(dataset.items, key=lambda item: (item.path, item.labels)):
        shown = item.path.relative_to(root) if item.path.is_relative_to(root) else item.path
        writer.writerow([shown.as_posix(), item.sha256, ";".join(sorted(item.named)), item.split])
    write_text(path, text.getvalue())


def load_splits(path: Path) -> dict[str, Split]:
    """Read what `save_splits` wrote: SHA-256 to split.

    A picture that stands in several splits counts as one that was learnt from (train before
    validation before test). Raises ``DatasetError`` with file and line for anything malformed.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _parse(path, csv.DictReader(stream, strict=True))
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(
            f"{path} cannot be read: {problem}",
            expected="a CSV file with " + ", ".join(COLUMNS),
            todo="check the path, or split the dataset again",
        ) from None


def _parse(path: Path, rows: csv.DictReader[str]) -> dict[str, Split]:
    named = {str(split): split for split in SPLITS}
    splits: dict[str, Split] = {}
    try:
        if not {"sha256", "split"} <= set(rows.fieldnames or ()):
            raise _malformed(path, 1)
        for row in rows:
            sha256, split = row.get("sha256") or "", named.get(row.get("split") or "")
            if split is None or not _SHA256.fullmatch(sha256):
                raise _malformed(path, rows.line_num)
            known = splits.setdefault(sha256, split)
            splits[sha256] = min(known, split, key=SPLITS.index)
    except csv.Error:
        raise _malformed(path, rows.reader.line_num) from None
    return splits


def _malformed(path: Path, line: int) -> DatasetError:
    return DatasetError(
        f"{path}, line {line}: not a picture's hash and its split",
        expected=f"{', '.join(COLUMNS)}: 64 hex digits and one of {', '.join(SPLITS)}",
        todo="mend that line, or split the dataset again",
    )

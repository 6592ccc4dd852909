"""Label tables: a .csv or .jsonl that says path, label and perhaps split of every picture."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn

from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    SPLIT_NAMES,
    Certainty,
    Entry,
    Format,
    Listing,
    is_text,
    stays_inside,
)
from midrib.datasets.formats.placing import Placer
from midrib.datasets.records import Dataset, Problem, Split
from midrib.errors import DatasetError
from midrib.names import nearest

TABLE_SUFFIXES = frozenset({".csv", ".jsonl"})
TABLE_NAMES = ("labels.csv", "labels.jsonl")
_REQUIRED = ("path", "label")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a table as it stands there."""

    table: Path
    line: int
    fields: Mapping[str, object]

    def refuse(self, came: str, *, expected: str, todo: str = "mend that line") -> NoReturn:
        raise DatasetError(f"{self.table}, line {self.line}: {came}", expected=expected, todo=todo)


@DATASET_FORMATS.register("label-table")
class LabelTable(Format):
    """The table itself, or a folder with a ``labels.csv`` or ``labels.jsonl`` in it.

    Paths are relative to the table's folder and stay inside it.
    """

    holds = Holds(labels="one", unlabelled=False, splits=True)

    def detect(self, source: Path) -> Certainty:
        return Certainty.INDEX if _tables(source) else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        tables = _tables(source)
        if len(tables) > 1:
            raise DatasetError(
                f"{source} holds both {tables[0].name} and {tables[1].name}",
                expected="one label table",
                todo="name the one you mean, or remove the other",
            )
        return _read_table(tables[0])

    def write(self, dataset: Dataset, placer: Placer) -> None:
        with (placer.folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["path", "label", "split"])
            for item in dataset.items:
                table.writerow([placer.put(item, "images"), item.label, item.split or ""])


def _tables(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() in TABLE_SUFFIXES else []
    return [source / name for name in TABLE_NAMES if (source / name).is_file()]


def _read_table(table: Path) -> Listing:
    read = _csv_rows if table.suffix.lower() == ".csv" else _jsonl_rows
    root = table.parent.resolve()
    try:
        entries = [_entry(row, root) for row in read(table)]
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(
            f"{table} cannot be read: {problem}",
            expected="a text file in UTF-8",
            todo="check its permissions, or save it as UTF-8",
        ) from None
    if not entries:
        raise DatasetError(
            f"{table} names no picture",
            expected="one line a picture with path and label",
            todo="add the pictures to it",
        )
    missing = {entry.path for entry in entries if not _is_there(entry.path)}
    _require_any(table, len(entries), missing)
    return Listing(
        entries=tuple(entry for entry in entries if entry.path not in missing),
        labels=frozenset(label for entry in entries for label in entry.labels),
        problems=tuple(
            Problem(path, "missing", f"{table.name} names it but it is not there")
            for path in sorted(missing)
        ),
    )


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # opening it tells what is wrong
    return True


def _require_any(table: Path, named: int, missing: set[Path]) -> None:
    if missing and len(missing) == named:
        raise DatasetError(
            f"of the pictures that {table} names ({named:,}) none is there, such as {min(missing)}",
            expected=f"paths relative to {table.parent}",
            todo="move the table beside the pictures or mend its paths",
        )


def _csv_rows(table: Path) -> Iterator[_Row]:
    # utf-8-sig: spreadsheets put a byte order mark in front.
    with table.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            _require_columns(table, header)
            for cells in reader:
                if cells:
                    yield _csv_row(table, reader.line_num, header, cells)
        except csv.Error as problem:
            broken = _Row(table, reader.line_num, {})
            broken.refuse(f"not valid CSV ({problem})", expected="quoted, comma-separated fields")


def _require_columns(table: Path, header: list[str]) -> None:
    lacking = [name for name in _REQUIRED if name not in header]
    if lacking:
        raise DatasetError(
            f"{table} has no column '{lacking[0]}' in its first line ({', '.join(header)[:80]})",
            expected="a first line such as: path,label or path,label,split",
            todo="name the columns so",
        )


def _csv_row(table: Path, line: int, header: list[str], cells: list[str]) -> _Row:
    row = _Row(table, line, dict(zip(header, cells, strict=False)))
    if len(cells) != len(header):
        row.refuse(f"{len(cells)} fields", expected=f"{len(header)} as in the first line")
    return row


def _jsonl_rows(table: Path) -> Iterator[_Row]:
    with table.open(encoding="utf-8-sig") as stream:
        for line, text in enumerate(stream, start=1):
            if text.strip():
                yield _jsonl_row(table, line, text)


def _jsonl_row(table: Path, line: int, text: str) -> _Row:
    expected = 'an object such as {"path": "a.jpg", "label": "cat"}'
    try:
        fields = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as problem:
        _Row(table, line, {}).refuse(f"not valid JSON ({problem})", expected=expected)
    if not isinstance(fields, dict):
        _Row(table, line, {}).refuse(f"a {type(fields).__name__}", expected=expected)
    return _Row(table, line, fields)


def _entry(row: _Row, root: Path) -> Entry:
    return Entry(_path(row, root), (_label(row),), _split(row))


def _path(row: _Row, root: Path) -> Path:
    given = row.fields.get("path")
    if not isinstance(given, str) or not given.strip() or "\0" in given or not is_text(given):
        row.refuse(f"the path is {given!r}", expected="the path of a picture")
    path = root / given
    if ".." in PurePosixPath(given).parts or not stays_inside(path, root):
        row.refuse(
            f"the path '{given}' leaves {root}",
            expected="paths below the table's folder, without '..' or links out of it",
            todo="put the table above the pictures, or copy them there",
        )
    return path


def _label(row: _Row) -> str:
    given = row.fields.get("label")
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or not given.strip() or not is_text(given):
        row.refuse(f"the label is {given!r}", expected="the name of a class")
    return unicodedata.normalize("NFC", given.strip())


def _split(row: _Row) -> Split | None:
    given = row.fields.get("split")
    if given is None or given == "":
        return None
    name = str(given).strip().lower()
    if name not in SPLIT_NAMES:
        close = nearest(name, SPLIT_NAMES)
        row.refuse(
            f"unknown split '{given}'",
            expected="train, validation, test or nothing",
            todo=f"did you mean '{close[0]}'?" if close else "mend that line",
        )
    return SPLIT_NAMES[name]

"""Rows of CSV and JSON lines with the line where each stands."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets.formats.objects import Fault
from midrib.datasets.records import Problem
from midrib.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table as it stands there."""

    table: Path
    line: int
    fields: Mapping[str, object]

    @property
    def place(self) -> str:
        """Where it stands, as problems tell it."""
        return f"line {self.line}"


def csv_rows(table: Path, required: Sequence[str], problems: list[Problem]) -> Iterator[Row]:
    """Rows by the names in the first line, in lower case; ill-formed ones go to ``problems``.

    ``required`` are names of columns, or several with '|' between of which one must be there.
    Raises ``DatasetError`` where a required column is missing or the file is no CSV in UTF-8.
    """
    # utf-8-sig: spreadsheets put a byte order mark in front.
    with readable(table), table.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            _require_columns(table, header, required)
            for cells in reader:
                if cells and len(cells) != len(header):
                    told = f"{len(cells)} fields, not {len(header)} as in the first line"
                    problems.append(Fault("bad row", told).at(table, f"line {reader.line_num}"))
                elif cells:
                    yield Row(table, reader.line_num, dict(zip(header, cells, strict=True)))
        except csv.Error as problem:
            raise DatasetError(
                f"{table}, line {reader.line_num}: not valid CSV ({problem})",
                expected="quoted, comma-separated fields",
                todo="mend that line",
            ) from None


def jsonl_rows(table: Path, required: Sequence[str], problems: list[Problem]) -> Iterator[Row]:
    """Rows of JSON objects; what is none, or lacks a required name, goes to ``problems``."""
    with readable(table), table.open(encoding="utf-8-sig") as stream:
        for line, text in enumerate(stream, start=1):
            if not text.strip():
                continue
            try:
                yield Row(table, line, _fields(text, required))
            except Fault as fault:
                problems.append(fault.at(table, f"line {line}"))


def _fields(text: str, required: Sequence[str]) -> dict[str, object]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Fault("bad row", f"not valid JSON ({problem})") from None
    if not isinstance(fields, dict):
        raise Fault("bad row", f"a {type(fields).__name__}, not an object")
    for name in required:
        if name not in fields:
            raise Fault("bad row", f"it has no '{name}'")
    return fields


@contextmanager
def readable(table: Path) -> Iterator[None]:
    """Raise ``DatasetError`` for a table that cannot be read or is no text in UTF-8."""
    try:
        yield
    except UnicodeDecodeError:
        raise DatasetError(
            f"{table}, line {_first_bad_line(table)}: not UTF-8",
            expected="a text file in UTF-8",
            todo="save it as UTF-8",
        ) from None
    except (OSError, csv.Error) as problem:
        raise DatasetError(
            f"{table} cannot be read: {problem}",
            expected="a text file in UTF-8",
            todo="check its permissions",
        ) from None


def _first_bad_line(table: Path) -> int:
    with table.open("rb") as stream:
        for line, data in enumerate(stream, start=1):
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                return line
    return 1  # it was mended meanwhile


def _require_columns(table: Path, header: list[str], required: Sequence[str]) -> None:
    choices = [name.split("|") for name in required]
    lacking = [names[0] for names in choices if not set(names) & set(header)]
    if lacking:
        wanted = ",".join(names[0] for names in choices)
        raise DatasetError(
            f"{table} has no column '{lacking[0]}' in its first line ({', '.join(header)[:80]})",
            expected=f"a first line such as: {wanted}",
            todo="name the columns so",
        )

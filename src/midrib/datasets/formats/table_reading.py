"""Rows of a label table, joined to pictures with their classes and objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from midrib.datasets.formats.finding import near_name
from midrib.datasets.formats.interface import SPLIT_NAMES, Entry, Listing, is_text, stays_inside
from midrib.datasets.formats.objects import Fault, annotation, number
from midrib.datasets.formats.rows import Row
from midrib.datasets.formats.sizes import upright_size
from midrib.datasets.formats.spilling import SpilledEntries
from midrib.datasets.formats.table_objects import listed_objects
from midrib.datasets.names import clean_label
from midrib.datasets.records import Problem, Split
from midrib.errors import DatasetError
from midrib.names import nearest

EDGES = ("xmin", "ymin", "xmax", "ymax")
BETWEEN = ";"
"""Between the classes of a picture, in one cell."""


class TableReading:
    """What was read so far of one table."""

    def __init__(self, table: Path) -> None:
        self.problems: list[Problem] = []
        self._table = table
        self._root = table.parent.resolve()
        self._entries = SpilledEntries()
        self._with_objects: dict[Path, tuple[int, Split | None, str | None]] = {}
        self._labels: set[str] = set()
        self._missing: dict[Path, Row] = {}
        self._named = 0

    def read(self, rows: Iterator[Row]) -> None:
        for row in rows:
            try:
                self._add(row)
            except Fault as fault:
                self.problems.append(fault.at(self._table, row.place))

    def listing(self) -> Listing:
        """All of it. Raises ``DatasetError`` where the table names no picture that is there."""
        if not self._named and not self.problems:
            raise DatasetError(
                f"{self._table} names no picture",
                expected="one line a picture with path and label",
                todo="add the pictures to it",
            )
        if self._missing and not len(self._entries):
            raise DatasetError(
                f"of the pictures that {self._table} names ({len(self._missing):,}) none is there, "
                f"such as {min(self._missing)}",
                expected=f"paths relative to {self._table.parent}",
                todo="move the table beside the pictures or mend its paths",
            )
        gone = [self._gone(path) for path in sorted(self._missing)]
        return Listing(self._entries, frozenset(self._labels), (*gone, *self.problems))

    def _gone(self, path: Path) -> Problem:
        named = f"{self._table.name}, {self._missing[path].place}"
        told = f"{named} names it but it is not there{near_name(path)}"
        return Problem(path, "missing", told)

    def _add(self, row: Row) -> None:
        """Take a picture, an object of one, or both. Raises ``Fault``."""
        self._named += 1
        path = _path(row, self._root)
        box = _box(row)
        labels = _labels(row, of_object=box is not None)
        split, group = _split(row), _group(row)
        self._labels.update(labels)
        if not _is_there(path):
            self._missing.setdefault(path, row)
        elif box is not None:
            self._add_object(path, labels, box, split, group)
        elif "objects" in row.fields or any(edge in row.fields for edge in EDGES):
            self._add_picture(row, path, labels, split, group)
        else:
            self._entries.add(Entry(path, labels, split, group=group))

    def _add_picture(
        self, row: Row, path: Path, labels: tuple[str, ...], split: Split | None, group: str | None
    ) -> None:
        """A picture that may have objects, and stands in one row only."""
        if path in self._with_objects:
            raise Fault("duplicate id", f"the picture '{path.name}' has come before")
        width, height = upright_size(path)
        objects, problems = listed_objects(row, (width, height))
        self.problems += problems
        self._labels.update(each.label for each in objects)
        entry = Entry(path, labels, split, tuple(objects), group, width, height)
        self._with_objects[path] = self._entries.add(entry), split, group

    def _add_object(
        self,
        path: Path,
        labels: tuple[str, ...],
        box: list[float],
        split: Split | None,
        group: str | None,
    ) -> None:
        size = upright_size(path)
        found = annotation(labels[0], size, xyxy=box)
        if path not in self._with_objects:
            entry = Entry(path, (), split, (), group, *size)
            self._with_objects[path] = self._entries.add(entry), split, group
        picture, *told = self._with_objects[path]
        given = zip((split, group), told, strict=True)
        if any(now is not None and now != before for now, before in given):  # blank is as above
            raise Fault("bad row", f"'{path.name}' is in another split or group in a row above")
        self._entries.annotate(picture, found)


def _path(row: Row, root: Path) -> Path:
    given = row.fields.get("path")
    if not isinstance(given, str) or not given.strip() or "\0" in given or not is_text(given):
        raise Fault("bad row", f"the path is {given!r}")
    path = root / given
    if ".." in Path(given).parts or not stays_inside(path, root):
        raise Fault("outside", f"the path '{given}' leaves {root}")
    return path


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # opening it tells what is wrong
    return True


def _box(row: Row) -> list[float] | None:
    given = [row.fields.get(edge) for edge in EDGES]
    if all(value is None or value == "" for value in given):
        return None
    return [number(value, edge) for value, edge in zip(given, EDGES, strict=True)]


def _labels(row: Row, *, of_object: bool) -> tuple[str, ...]:
    """The class of ``label``; else those of ``labels``, perhaps none."""
    given = row.fields.get("label")
    if (given is None or given == "") and not of_object and "labels" in row.fields:
        listed = row.fields["labels"]
        parts = listed if isinstance(listed, list) else str(listed or "").split(BETWEEN)
        found = tuple(_label(each) for each in parts if each != "")
        return tuple(dict.fromkeys(found))
    if given is None and "objects" in row.fields:
        return ()
    return (_label(given),)


def _label(given: object) -> str:
    if label := clean_label(given):
        return label
    raise Fault("bad row", f"the label is {given!r}")


def _group(row: Row) -> str | None:
    given = row.fields.get("group")
    return None if given is None or given == "" else str(given)


def _split(row: Row) -> Split | None:
    given = row.fields.get("split")
    if given is None or given == "":
        return None
    name = str(given).strip().lower()
    if name not in SPLIT_NAMES:
        close = nearest(name, SPLIT_NAMES)
        meant = f"; did you mean '{close[0]}'?" if close else ""
        raise Fault("bad row", f"unknown split '{given}'{meant}")
    return SPLIT_NAMES[name]

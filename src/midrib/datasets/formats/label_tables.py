"""Tables of pictures: a .csv or .jsonl that says path, label and perhaps split of every picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from midrib.datasets.formats.finding import near_name
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
from midrib.datasets.formats.objects import Fault, annotation, number
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.rows import Row, csv_rows, jsonl_rows
from midrib.datasets.formats.sizes import upright_size
from midrib.datasets.formats.spilling import SpilledEntries
from midrib.datasets.formats.table_objects import listed_objects, object_record
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Problem, Split
from midrib.errors import DatasetError
from midrib.names import nearest

_CSV, _JSONL = "labels.csv", "labels.jsonl"
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_BETWEEN = ";"


@DATASET_FORMATS.register("csv")
class CsvTable(Format):
    """A ``.csv``, or ``labels.csv`` in a folder: ``path``, ``label``, perhaps more.

    ``label`` may be several classes with ';' between, where the column is called ``labels``.
    A row with ``xmin``, ``ymin``, ``xmax`` and ``ymax`` is an object, and a picture may have
    many; paths are relative to the table's folder and stay inside it.
    """

    holds = Holds(labels="several", boxes=True, group=True, splits=True, classes=False)

    def detect(self, source: Path) -> Certainty:
        return _certainty(source, _CSV)

    def list_pictures(self, source: Path) -> Listing:
        table = _one_table(source, _CSV)
        reading = _Reading(table)
        reading.read(csv_rows(table, ("path", "label|labels"), reading.problems))
        return reading.listing()

    def write(self, dataset: Dataset, placer: Placer) -> None:
        _require_no_separator(dataset)
        with (placer.folder / _CSV).open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["path", "labels", "split", "group", "label", *_EDGES])
            for item in dataset.items:
                name = placer.put(item, "images").as_posix()
                own = [name, _BETWEEN.join(item.labels), item.split or "", item.group or ""]
                table.writerow([*own, "", "", "", "", ""])
                for each in item.annotations:
                    table.writerow([name, "", "", "", each.label, *map(repr, each.xyxy)])


@DATASET_FORMATS.register("jsonl")
class JsonlTable(Format):
    """A ``.jsonl``, or ``labels.jsonl`` in a folder: one JSON object a picture; loses nothing."""

    holds = Holds(
        labels="several",
        boxes=True,
        own_box=True,
        polygons="several",
        masks=True,
        both=True,
        crowd=True,
        attributes=True,
        group=True,
        splits=True,
        classes=False,
    )

    def detect(self, source: Path) -> Certainty:
        return _certainty(source, _JSONL)

    def list_pictures(self, source: Path) -> Listing:
        table = _one_table(source, _JSONL)
        reading = _Reading(table)
        reading.read(jsonl_rows(table, (), reading.problems))
        return reading.listing()

    def write(self, dataset: Dataset, placer: Placer) -> None:
        with (placer.folder / _JSONL).open("w", encoding="utf-8") as stream:
            for item in dataset.items:
                name = placer.put(item, "images").as_posix()
                record = {
                    "path": name,
                    "labels": item.labels,
                    "split": item.split,
                    "group": item.group,
                    "width": item.width,
                    "height": item.height,
                    "objects": [object_record(each) for each in item.annotations],
                }
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def _certainty(source: Path, name: str) -> Certainty:
    if source.is_file():
        fits = source.suffix.lower() == Path(name).suffix
    else:
        fits = (source / name).is_file()
    return Certainty.INDEX if fits else Certainty.NONE


def _one_table(source: Path, name: str) -> Path:
    if source.is_file():
        return source
    if all((source / each).is_file() for each in (_CSV, _JSONL)):
        raise DatasetError(
            f"{source} holds both {_CSV} and {_JSONL}",
            expected="one label table",
            todo="name the one you mean, or remove the other",
        )
    return source / name


class _Reading:
    """What was read so far of one table."""

    def __init__(self, table: Path) -> None:
        self.problems: list[Problem] = []
        self._table = table
        self._root = table.parent.resolve()
        self._entries = SpilledEntries()
        self._with_objects: dict[Path, int] = {}
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
        elif "objects" in row.fields or any(edge in row.fields for edge in _EDGES):
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
        self._with_objects[path] = self._entries.add(entry)

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
            self._with_objects[path] = self._entries.add(entry)
        self._entries.annotate(self._with_objects[path], found)


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
    given = [row.fields.get(edge) for edge in _EDGES]
    if all(value in {None, ""} for value in given):
        return None
    return [number(value, edge) for value, edge in zip(given, _EDGES, strict=True)]


def _labels(row: Row, *, of_object: bool) -> tuple[str, ...]:
    """The class of ``label``; else those of ``labels``, perhaps none."""
    given = row.fields.get("label")
    if (given is None or given == "") and not of_object and "labels" in row.fields:
        listed = row.fields["labels"]
        parts = listed if isinstance(listed, list) else str(listed or "").split(_BETWEEN)
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


def _require_no_separator(dataset: Dataset) -> None:
    for item in dataset.items:
        for label in item.labels:
            if _BETWEEN in label:
                raise DatasetError(
                    f"class '{label}' has a '{_BETWEEN}', which parts classes in a .csv",
                    expected="names of classes without it",
                    todo="rename the class, or write jsonl",
                )

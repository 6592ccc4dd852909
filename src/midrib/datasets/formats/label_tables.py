"""Tables of pictures: a .csv or .jsonl that says path, label and perhaps split of every picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Format,
    Listing,
)
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.rows import csv_rows, jsonl_rows
from midrib.datasets.formats.table_objects import object_record
from midrib.datasets.formats.table_reading import BETWEEN, EDGES, TableReading
from midrib.datasets.records import Dataset
from midrib.errors import DatasetError

_CSV, _JSONL = "labels.csv", "labels.jsonl"


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
        reading = TableReading(table)
        reading.read(csv_rows(table, ("path", "label|labels"), reading.problems))
        return reading.listing()

    def write(self, dataset: Dataset, placer: Placer) -> None:
        _require_no_separator(dataset)
        with (placer.folder / _CSV).open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["path", "labels", "split", "group", "label", *EDGES])
            for item in dataset.items:
                name = placer.put(item, "images").as_posix()
                own = [name, BETWEEN.join(item.labels), item.split or "", item.group or ""]
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
        reading = TableReading(table)
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


def _require_no_separator(dataset: Dataset) -> None:
    for item in dataset.items:
        for label in item.labels:
            if BETWEEN in label:
                raise DatasetError(
                    f"class '{label}' has a '{BETWEEN}', which parts classes in a .csv",
                    expected="names of classes without it",
                    todo="rename the class, or write jsonl",
                )

"""Hugging Face's imagefolder: ``metadata.csv`` or ``.jsonl`` beside pictures, in split folders.

huggingface.co/docs/datasets/image_dataset.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.finding import Finder, split_of
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.objects import Fault, annotation, numbers, pixel
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.rows import Row, csv_rows, jsonl_rows
from midrib.datasets.formats.sizes import upright_size
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Item, Problem, Split
from midrib.errors import DatasetError

_TABLES = ("metadata.jsonl", "metadata.csv")
_LISTS = ("categories", "category", "label", "labels")
_NAME = "file_name"


@DATASET_FORMATS.register("imagefolder")
class ImageFolder(Format):
    """``metadata.jsonl`` or ``metadata.csv`` with ``file_name`` and ``label`` or ``objects``."""

    holds = Holds(labels="several", boxes=True, splits=True, classes=False)

    def detect(self, source: Path) -> Certainty:
        return Certainty.INDEX if source.is_dir() and _tables(source) else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        root = source.resolve()
        tables = _tables(root)
        if not tables:
            raise DatasetError(
                f"{source} holds no metadata.jsonl or metadata.csv",
                expected="one beside the pictures of each split",
                todo="check the path",
            )
        problems: list[Problem] = []
        entries: dict[Path, Entry] = {}
        for table in tables:
            for row in _rows(table, problems):
                try:
                    entry = _entry(row, root, problems)
                    if entry.path in entries:
                        told = f"'{entry.path.name}' has come before"
                        problems.append(Fault("duplicate id", told).at(table, row.place))
                    entries.setdefault(entry.path, entry)
                except Fault as fault:
                    problems.append(fault.at(table, row.place))
        found = entries.values()
        labels = {label for entry in found for label in entry.labels}
        labels |= {each.label for entry in found for each in entry.annotations}
        return Listing(tuple(found), frozenset(labels), tuple(problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        several = any(len(item.labels) > 1 for item in dataset.items)
        for split in (None, "train", "validation", "test"):
            items = [item for item in dataset.items if item.split == split]
            if items:
                (placer.folder / (split or "")).mkdir(exist_ok=True)
                table = placer.folder / (split or "") / _TABLES[0]
                with table.open("w", encoding="utf-8") as stream:
                    for item in items:
                        path = placer.put(item, split or "images")
                        name = path.relative_to(split or ".").as_posix()
                        stream.write(_line(item, name, several=several))


def _tables(source: Path) -> list[Path]:
    """In the folder itself and in those directly below that may be looked into."""
    below = (path for path in source.iterdir() if path.is_dir() and os.access(path, os.X_OK))
    places = [source, *sorted(below)]
    return [place / name for place in places for name in _TABLES if (place / name).is_file()]


def _rows(table: Path, problems: list[Problem]) -> Iterator[Row]:
    read = csv_rows if table.suffix == ".csv" else jsonl_rows
    return read(table, (_NAME,), problems)


def _entry(row: Row, root: Path, problems: list[Problem]) -> Entry:
    path = Finder(root, [row.table.parent]).find(row.fields.get(_NAME))
    split: Split | None = split_of(row.table.relative_to(root).parts[:-1])
    width, height = upright_size(path)
    objects = []
    for index, (box, name) in enumerate(_objects(row)):
        try:
            objects.append(_object(box, name, (width, height)))
        except Fault as fault:
            problems.append(fault.at(row.table, f"{row.place}, objects[{index}]"))
    return Entry(path, _labels(row), split, tuple(objects), width=width, height=height)


def _labels(row: Row) -> tuple[str, ...]:
    given = row.fields.get("labels", row.fields.get("label"))
    listed = given if isinstance(given, list) else [given]
    if listed in ([None], [""]):
        return ()
    found = tuple(clean_label(each) for each in listed)
    if not all(found):
        raise Fault("unknown class", f"the label is {given!r:.60}")
    return tuple(dict.fromkeys(found))


def _objects(row: Row) -> Iterator[tuple[object, object]]:
    """Pairs of box and class, of lists of the same length. Raises ``Fault``."""
    given = row.fields.get("objects")
    if isinstance(given, str) and given:  # in a .csv it is JSON
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise Fault("not a number", f"objects is {given!r:.60}") from None
    if given is None or given == "":
        return
    columns = given if isinstance(given, dict) else {}
    names = next((columns[key] for key in _LISTS if key in columns), None)
    boxes = columns.get("bbox")
    if not isinstance(boxes, list) or not isinstance(names, list) or len(boxes) != len(names):
        raise Fault("no record", "objects has no lists bbox and categories of one length")
    yield from zip(boxes, names, strict=True)


def _object(box: object, name: object, size: tuple[int, int]) -> Annotation:
    label = clean_label(name)
    if not label:
        raise Fault("unknown class", f"the category is {name!r:.60}")
    left, top, width, height = numbers(box, "bbox", 4)
    return annotation(label, size, xyxy=(left, top, left + width, top + height))


def _line(item: Item, name: str, *, several: bool) -> str:
    boxes = []
    for each in item.annotations:
        left, top, right, bottom = each.xyxy
        boxes.append([left, top, pixel(right - left), pixel(bottom - top)])
    labels: dict[str, object] = {"label": item.labels[0] if item.labels else None}
    record = {
        _NAME: name,
        **({"labels": list(item.labels)} if several else labels),
        "objects": {"bbox": boxes, "categories": [each.label for each in item.annotations]},
    }
    return json.dumps(record, ensure_ascii=False) + "\n"

"""Masks of objects: each pixel is the number of an object in its picture, 0 of none."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.mask_files import (
    CLASS_LINES,
    CLASSES,
    IMAGES,
    Pair,
    folder_of,
    is_laid_out,
    pairs,
    read_classes,
    read_numbers,
    sized_entry,
    write_classes,
    write_numbers,
)
from midrib.datasets.formats.objects import Fault, annotation, whole
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.rows import readable
from midrib.datasets.masks import decode_mask, encode_mask
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Item, Problem
from midrib.errors import DatasetError

_INSTANCES, _MASKS = "instances", "masks"
_TABLE = "instances.csv"
_COLUMNS = ["path", "number", "label"]
_ONLY_CLASS = "object"
_MOST_OBJECTS = (1 << 16) - 1

Labels = dict[int, str]


@DATASET_FORMATS.register("instance-masks")
class InstanceMasks(Format):
    """``images`` beside ``instances``, with ``instances.csv``; or beside ``masks`` of one class.

    Without ``instances.csv`` all objects are of the one class that ``classes.csv`` names, or
    'object' where there is none.
    """

    holds = Holds(masks=True, pixels="one object", splits=True)

    def detect(self, source: Path) -> Certainty:
        if is_laid_out(source, _INSTANCES):
            return Certainty.INDEX
        has_classes = any((source / name).is_file() for name in (CLASSES, CLASS_LINES))
        bare = is_laid_out(source, _MASKS) and not has_classes
        return Certainty.INDEX if bare else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        root = source.resolve()
        problems: list[Problem] = []
        classes = set(read_classes(root, problems).values())
        table = _read_table(root, problems)
        only = "" if (root / _TABLE).is_file() else _only_class(source, classes)
        folder = _INSTANCES if is_laid_out(root, _INSTANCES) else _MASKS
        entries = []
        for pair in pairs(root, folder, problems):
            labels = table.get(pair.numbers.relative_to(root).as_posix(), {})
            try:
                entries.append(_entry(pair, labels, only, problems))
            except Fault as fault:
                problems.append(fault.at(pair.numbers, ""))
        used = {label for labels in table.values() for label in labels.values()}
        found = frozenset(used | classes | ({only} - {""}))
        return Listing(tuple(entries), found, tuple(problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        write_classes(placer.folder, dict(enumerate(dataset.labels, start=1)))
        with (placer.folder / _TABLE).open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(_COLUMNS)
            for item in dataset.items:
                path = placer.put(item, f"{IMAGES}/{folder_of(item)}")
                target = placer.folder / _INSTANCES / folder_of(item) / f"{path.stem}.png"
                _write_mask(target, item)
                shown = target.relative_to(placer.folder).as_posix()
                for number, each in enumerate(item.annotations, start=1):
                    table.writerow([shown, number, each.label])


def _only_class(source: Path, classes: set[str]) -> str:
    if len(classes) > 1:
        raise DatasetError(
            f"{source} names {len(classes)} classes, but not which object is of which",
            expected=f"an {_TABLE} with {', '.join(_COLUMNS)}",
            todo="add it, or read the masks as masks of classes",
        )
    return next(iter(classes), _ONLY_CLASS)


def _read_table(root: Path, problems: list[Problem]) -> dict[str, Labels]:
    """Label of each object, by the path of its mask and its number."""
    found: dict[str, Labels] = defaultdict(dict)
    if not (root / _TABLE).is_file():
        return found
    for line, row in _rows(root / _TABLE):
        try:
            number, label = whole(row.get("number"), "number"), clean_label(row.get("label"))
            _require_named(number, label, row, found[row.get("path") or ""])
            found[row.get("path") or ""][number] = label
        except Fault as fault:
            problems.append(fault.at(root / _TABLE, f"line {line}"))
    return found


def _require_named(number: int, label: str, row: dict[str, str | None], known: Labels) -> None:
    if not label:
        raise Fault("unknown class", f"the label is {row.get('label')!r:.60}")
    if number in known:
        raise Fault("duplicate id", f"number {number} of {row.get('path')} has come before")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    with readable(path), path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        if lacking := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
            raise DatasetError(
                f"{path} has no column '{lacking[0]}' in its first line",
                expected=f"a first line such as: {','.join(_COLUMNS)}",
                todo="name the columns so",
            )
        for row in rows:
            yield rows.line_num, row


def _entry(pair: Pair, labels: Labels, only: str, problems: list[Problem]) -> Entry:
    entry = sized_entry(pair)
    size = (entry.width, entry.height)
    canvas = read_numbers(pair.numbers, size)
    present = [number for number in np.unique(canvas).tolist() if number]
    objects: list[Annotation] = []
    for number in present:
        if label := only or labels.get(number, ""):
            objects.append(annotation(label, size, mask=encode_mask(canvas == number)))
        else:
            told = f"object {number} is not in {_TABLE}"
            problems.append(Problem(pair.numbers, "unknown class", told))
    if gone := sorted(labels.keys() - set(present)):
        told = f"object {gone[0]} of {_TABLE} has no pixel"
        problems.append(Problem(pair.numbers, "bad mask", told))
    return replace(entry, annotations=tuple(objects))


def _write_mask(target: Path, item: Item) -> None:
    if len(item.annotations) > _MOST_OBJECTS:
        raise DatasetError(
            f"{item.path} has {len(item.annotations):,} objects",
            expected=f"at most {_MOST_OBJECTS:,}, as 16 bits can tell apart",
            todo="choose another format",
        )
    canvas = np.zeros((item.height, item.width), dtype=np.int32)
    for number, each in enumerate(item.annotations, start=1):
        if each.mask:
            canvas[decode_mask(each.mask)] = number
    write_numbers(target, canvas)

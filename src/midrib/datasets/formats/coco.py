"""COCO: one JSON file a split with images, categories and annotations.

Lin et al., 'Microsoft COCO: Common Objects in Context', 2014; cocodataset.org/#format-data.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from midrib.datasets.formats.coco_objects import coco_object
from midrib.datasets.formats.coco_writing import write_coco
from midrib.datasets.formats.finding import Finder, files_below, split_of
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.json_streams import JsonFile, first_keys
from midrib.datasets.formats.objects import (
    Fault,
)
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.seen_ids import SeenIds
from midrib.datasets.formats.sizes import told_size, upright_size
from midrib.datasets.formats.spilling import SpilledEntries
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Problem, Split
from midrib.errors import DatasetError

T = TypeVar("T")

_LISTS = frozenset({"images", "annotations", "categories"})
_OBJECTS = "instances"  # what COCO calls its files of objects, beside captions and keypoints

_MOST_TABLES = 64


@DATASET_FORMATS.register("coco")
class Coco(Format):
    """A ``.json``, or a folder with such files in it or in ``annotations`` or split folders."""

    holds = Holds(
        boxes=True,
        own_box=True,
        polygons="several",
        masks=True,
        crowd=True,
        attributes=True,
        splits=True,
    )

    def detect(self, source: Path) -> Certainty:
        return Certainty.INDEX if _tables(source) else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        tables = _tables(source)
        if not tables:
            raise DatasetError(
                f"{source} holds no COCO file",
                expected="a .json with images, categories and annotations",
                todo="check the path",
            )
        root = source if source.is_dir() else _picture_root(source)
        reading = _Reading(root.resolve())
        for table in tables:
            reading.add(table)
        return Listing(reading.entries, frozenset(reading.labels), tuple(reading.problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        write_coco(dataset, placer)


def _tables(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() == ".json" and _is_coco(source) else []
    near = [path for path in files_below(source, ".json") if _is_near(path, source)]
    named = [path for path in near if path.name.startswith(_OBJECTS)]
    if not named and len(near) > _MOST_TABLES:  # one file a picture is another format's way
        return []
    return [path for path in named or near if _is_coco(path)]


def _is_near(path: Path, source: Path) -> bool:
    """In the folder itself or in one directly below, such as annotations/."""
    return len(path.relative_to(source).parts) <= 2


def _is_coco(path: Path) -> bool:
    return bool(_LISTS & first_keys(path))


def _picture_root(table: Path) -> Path:
    """Above ``annotations``, where COCO keeps its pictures; else beside the table."""
    return table.parent.parent if table.parent.name == "annotations" else table.parent


@dataclass
class _Reading:
    """What was read so far of one or several files."""

    root: Path
    entries: SpilledEntries = field(default_factory=SpilledEntries)
    labels: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def add(self, table: Path) -> None:
        """Read one file whole, or tell why it is left out."""
        before = len(self.entries)
        try:
            file = JsonFile(table)
            labels = self._categories(table, file)
            pictures = self._images(table, file)
            self._annotations(table, file, labels, pictures)
        except Fault as fault:
            self.entries.forget_from(before)  # a file that breaks off is not half believed
            self.problems.append(fault.at(table, ""))

    def _categories(self, table: Path, file: JsonFile) -> dict[Hashable, str]:
        """Label by id; an id of two labels stands for none."""
        found: dict[Hashable, str] = {}
        doubtful = set()
        for index, record in enumerate(file.records("categories")):
            try:
                key, label = _id(record, "id"), _label(record)
            except Fault as fault:
                self.problems.append(fault.at(table, f"categories[{index}]"))
                continue
            if found.setdefault(key, label) != label:
                doubtful.add(key)
                twice = Fault("duplicate id", f"id {key} is both '{found[key]}' and '{label}'")
                self.problems.append(twice.at(table, f"categories[{index}]"))
        self.labels.update(found.values())
        return {key: label for key, label in found.items() if key not in doubtful}

    def _images(self, table: Path, file: JsonFile) -> dict[Hashable, int | None]:
        """Number in ``entries`` by id; None for a picture that is left out."""
        finder = Finder(self.root, _folders(self.root, table))
        split = self._split(table)
        found: dict[Hashable, list[tuple[int, Entry | None]]] = defaultdict(list)
        for index, record in enumerate(file.records("images")):
            try:
                same = found[_id(record, "id")]
                same.append((index, None))
                same[-1] = (index, _entry(record, finder, split))
            except Fault as fault:
                self.problems.append(fault.at(table, f"images[{index}]"))
        for key, same in found.items():
            if len(same) > 1:
                many = Fault("duplicate id", f"id {key} stands for {len(same)} pictures")
                self.problems += [many.at(table, f"images[{index}]") for index, _ in same]
        return {
            key: self.entries.add(entry) if len(same) == 1 and (entry := same[0][1]) else None
            for key, same in found.items()
        }

    def _split(self, table: Path) -> Split | None:
        """As the file is called, or the folder that it lies in."""
        folder = [table.parent.name] if table.parent != self.root else []
        return split_of([*folder, *re.split(r"[\W\d_]+", table.stem)])

    def _annotations(
        self,
        table: Path,
        file: JsonFile,
        labels: Mapping[Hashable, str],
        pictures: Mapping[Hashable, int | None],
    ) -> None:
        seen = SeenIds()
        for index, record in enumerate(file.records("annotations")):
            try:
                _require_new(record, seen)
                picture = _looked_up(record, "image_id", pictures, kind="no picture")
                label = _looked_up(record, "category_id", labels, kind="unknown class")
                if picture is not None:
                    found = coco_object(record, label, self.entries.size_of(picture))
                    self.entries.annotate(picture, found)
            except Fault as fault:
                self.problems.append(fault.at(table, f"annotations[{index}]"))


def _folders(root: Path, table: Path) -> list[Path]:
    """Where COCO's file names may be relative to, the nearest to the table first."""
    name = table.stem.removeprefix(_OBJECTS).strip("_-.")
    return [
        table.parent,
        table.parent / "images",
        root,
        root / "images",
        *(folder / name for folder in (root, root / "images") if name),
    ]


def _entry(record: dict[str, object], finder: Finder, split: Split | None) -> Entry:
    path = finder.find(record.get("file_name"))
    told = told_size(record.get("width"), record.get("height"))
    width, height = told or upright_size(path)
    return Entry(path, (), split, width=width, height=height)


def _id(record: object, name: str) -> Hashable:
    if not isinstance(record, dict):
        raise Fault("no record", f"a {type(record).__name__}, not an object")
    if name not in record:
        raise Fault("no record", f"it has no '{name}'")
    key = record[name]
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise Fault("no record", f"its '{name}' is {key!r:.60}")
    return key


def _label(record: Mapping[str, object]) -> str:
    if label := clean_label(record.get("name")):
        return label
    raise Fault("unknown class", f"the name is {record.get('name')!r:.60}")


def _require_new(record: object, seen: SeenIds) -> None:
    if isinstance(record, dict) and record.get("id") is not None:
        key = _id(record, "id")
        if not seen.add(key):
            raise Fault("duplicate id", f"id {key} has come before")


def _looked_up(record: object, name: str, known: Mapping[Hashable, T], *, kind: str) -> T:
    key = _id(record, name)
    if key not in known:
        raise Fault(kind, f"{name} {key} is not in the file")
    return known[key]

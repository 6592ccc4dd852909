"""CVAT for images 1.1: one XML file with all pictures and their shapes.

docs.cvat.ai, 'CVAT for image'. Polygons of one class and one ``group_id`` are one object, as in
CVAT's own export to COCO.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from midrib.datasets.annotations import Annotation, Polygon, Rle
from midrib.datasets.formats.cropped import from_row_runs, placed
from midrib.datasets.formats.cvat_writing import CROWD, FLAGS, TABLE, write_cvat
from midrib.datasets.formats.finding import Finder, files_below
from midrib.datasets.formats.grouping import Grouped
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    SPLIT_NAMES,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.objects import Fault, annotation, number, polygon, whole
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.sizes import told_size, upright_size
from midrib.datasets.formats.spilling import SpilledEntries
from midrib.datasets.formats.xml_reading import elements, line_of, root_name
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Problem
from midrib.errors import DatasetError

_NOTHING = frozenset({"", "0", "0.0"})
_SHAPES = frozenset({"box", "polygon", "mask"})
_EDGES = ("xtl", "ytl", "xbr", "ybr")


@DATASET_FORMATS.register("cvat")
class Cvat(Format):
    """``annotations.xml``, with the pictures beside it or in ``images``."""

    holds = Holds(
        labels="several",
        boxes=True,
        polygons="several",
        masks=True,
        crowd=True,
        attributes=True,
        splits=True,
    )

    def detect(self, source: Path) -> Certainty:
        table = _table(source)
        return Certainty.INDEX if table else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        table = _table(source)
        if table is None:
            raise DatasetError(
                f"{source} holds no {TABLE}",
                expected="an XML file of CVAT for images 1.1",
                todo="check the path",
            )
        reading = _Reading(table)
        reading.read()
        return Listing(reading.entries, frozenset(reading.labels), tuple(reading.problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        write_cvat(dataset, placer)


def _table(source: Path) -> Path | None:
    if source.is_file():
        given = [source] if source.suffix.lower() == ".xml" else []
    else:
        given = [path for path in files_below(source, ".xml")[:2] if path.parent == source]
    return next((path for path in given if root_name(path) == "annotations"), None)


@dataclass
class _Reading:
    """What was read so far of a file."""

    table: Path
    entries: SpilledEntries = field(default_factory=SpilledEntries)
    labels: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)

    def read(self) -> None:
        root = self.table.parent.resolve()
        finder = Finder(root, [root / "images", root])
        try:
            for element in elements(self.table, "labels", "image", "track"):
                if element.tag == "track":
                    track = Fault("unknown shape", "a track of a video; export 'CVAT for images'")
                    self.problems.append(track.at(self.table, line_of(element)))
                elif element.tag == "labels":
                    names = (each.findtext("name") for each in element.iterfind("label"))
                    self.labels.update(label for name in names if (label := clean_label(name)))
                else:
                    self._image(element, finder)
        except Fault as fault:
            self.entries.forget_from(0)  # a file that breaks off is not half believed
            self.problems.append(fault.at(self.table, ""))

    def _image(self, element: Element, finder: Finder) -> None:
        try:
            name = element.get("name") or ""
            path = finder.find(name)
            if str(path) in self._seen:
                self._tell_twice(element, name)
                return
            self._seen[str(path)] = len(self._seen)
            told = told_size(element.get("width"), element.get("height"))
            size = told or upright_size(path)
        except Fault as fault:
            self.problems.append(fault.at(self.table, line_of(element)))
            return
        tags, shapes = list(self._tags(element)), Grouped(size)
        for each in element:
            if each.tag != "tag":
                try:
                    _add(shapes, each)
                except Fault as fault:
                    self.problems.append(fault.at(self.table, line_of(each)))
        split = SPLIT_NAMES.get((element.get("subset") or "").lower())
        self.entries.add(
            Entry(path, tuple(tags), split, tuple(shapes.found), width=size[0], height=size[1])
        )
        self.labels.update(tags, (each.label for each in shapes.found))

    def _tell_twice(self, element: Element, name: str) -> None:
        twice = Fault("duplicate id", f"'{name}' has come before")
        self.problems.append(twice.at(self.table, line_of(element)))

    def _tags(self, element: Element) -> Iterator[str]:
        for each in element.iterfind("tag"):
            if label := clean_label(each.get("label")):
                yield label
            else:
                bad = Fault("unknown class", f"the label is {each.get('label')!r:.60}")
                self.problems.append(bad.at(self.table, line_of(each)))


def _add(shapes: Grouped, element: Element) -> None:
    """Take one shape. Raises ``Fault``."""
    if element.tag not in _SHAPES:
        raise Fault("unknown shape", f"a {element.tag:.30} is neither box, polygon nor mask")
    group = element.get("group_id") or ""
    shapes.add(_annotation(element, shapes.size), "" if group in _NOTHING else group)


def _annotation(element: Element, size: tuple[int, int]) -> Annotation:
    label = clean_label(element.get("label"))
    if not label:
        raise Fault("unknown class", f"the label is {element.get('label')!r:.60}")
    if (element.get("rotation") or "") not in _NOTHING:
        raise Fault("unknown shape", f"a box turned by {element.get('rotation'):.10} degrees")
    attributes = _attributes(element)
    crowd = attributes.pop(CROWD, "").lower() in {"true", "1"}
    is_box = element.tag == "box"
    return annotation(
        label,
        size,
        xyxy=[number(element.get(edge), edge) for edge in _EDGES] if is_box else None,
        polygons=[_outline(element)] if element.tag == "polygon" else [],
        mask=_mask(element, size) if element.tag == "mask" else None,
        crowd=crowd,
        attributes=attributes,
    )


def _attributes(element: Element) -> dict[str, str]:
    found = {
        name: element.get(name, "") for name in FLAGS if element.get(name, "0") not in _NOTHING
    }
    for each in element.iterfind("attribute"):
        if name := each.get("name"):
            found[name] = each.text or ""
    return found


def _outline(element: Element) -> Polygon:
    points = (element.get("points") or "").split(";")
    values = [number(value, "points") for point in points for value in point.split(",")]
    return polygon(values)


def _mask(element: Element, size: tuple[int, int]) -> Rle:
    left, top, width, height = (
        whole(element.get(name), name) for name in ("left", "top", "width", "height")
    )
    runs = [whole(run, "rle") for run in (element.get("rle") or "").split(",")]
    if width > size[0] or height > size[1]:
        raise Fault("beyond the picture", f"a mask of {width} × {height} pixels")
    return placed(from_row_runs(runs, width, height), (left, top), size)

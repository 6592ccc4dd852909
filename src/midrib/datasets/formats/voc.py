"""Pascal VOC: one XML file a picture, with boxes.

Everingham et al., 'The Pascal Visual Object Classes Challenge', 2010. Its own files count pixels
from 1 and name the last one inside; the tools that write VOC today (labelImg, CVAT, deepforest)
write the edges of the box from 0. Numbers are taken as edges.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.finding import (
    LOOKED_AT,
    Finder,
    files_below,
    pictures_below,
    split_of,
)
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.objects import Fault, annotation, number
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.sizes import told_size, upright_size
from midrib.datasets.formats.xml_reading import elements, line_of, root_name
from midrib.datasets.names import clean_label
from midrib.datasets.records import Dataset, Item, Problem, Split
from midrib.errors import DatasetError

_ATTRIBUTES = ("difficult", "occluded", "pose", "truncated")
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_PICTURES, _TABLES, _SETS = "JPEGImages", "Annotations", "ImageSets/Main"
_CLASSES = "labelmap.txt"
_SET_NAMES = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}


@DATASET_FORMATS.register("voc")
class PascalVoc(Format):
    """``.xml`` files beside their pictures, or in ``Annotations`` beside ``JPEGImages``."""

    holds = Holds(boxes=True, attributes=True, splits=True)

    def detect(self, source: Path) -> Certainty:
        if not source.is_dir():
            return Certainty.NONE
        found = files_below(source, ".xml")[:LOOKED_AT]
        is_voc = any(root_name(path) == "annotation" for path in found)
        return Certainty.INDEX if is_voc else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        tables = files_below(source, ".xml") if source.is_dir() else []
        if not tables:
            raise DatasetError(
                f"{source} holds no .xml file", expected="one a picture", todo="check the path"
            )
        root = source.resolve()
        sets = _sets(root)
        entries: dict[Path, Entry] = {}
        problems: list[Problem] = []
        for table in tables:
            found = _read(table, root, sets.get(table.stem), problems)
            if found and found.path in entries:
                told = f"'{found.path.name}' is annotated by another file too"
                problems.append(Problem(table, "duplicate id", told))
            elif found:
                entries[found.path] = found
        problems += _without_table(root, tables, entries.keys())
        used = {each.label for entry in entries.values() for each in entry.annotations}
        labels = frozenset(used | _classes(root))
        return Listing(tuple(entries.values()), labels, tuple(problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        tables, sets = placer.folder / _TABLES, placer.folder / _SETS
        tables.mkdir()
        sets.mkdir(parents=True)
        for item in dataset.items:
            path = placer.put(item, _PICTURES)
            tree = ElementTree(_written(item, path.name))
            indent(tree)
            tree.write(tables / f"{path.stem}.xml", encoding="utf-8")
            if item.split:
                with (sets / _SET_NAMES[item.split]).open("a", encoding="utf-8") as stream:
                    stream.write(f"{path.stem}\n")
        lines = [f"{label}:::\n" for label in dataset.labels]
        (placer.folder / _CLASSES).write_text("".join(lines), encoding="utf-8")


def _read(table: Path, root: Path, split: Split | None, problems: list[Problem]) -> Entry | None:
    """The picture of one file; what cannot be meant goes to ``problems``."""
    try:
        top = _annotation_element(table)
        path = _picture(top, table, root)
        size = _size(top) or upright_size(path)
    except Fault as fault:
        problems.append(fault.at(table, ""))
        return None
    objects = []
    for element in top.iterfind("object"):
        try:
            objects.append(_object(element, size))
        except Fault as fault:
            problems.append(fault.at(table, line_of(element)))
    split = split or split_of(table.relative_to(root).parts[:-1])
    return Entry(path, (), split, tuple(objects), width=size[0], height=size[1])


def _annotation_element(table: Path) -> Element:
    found = list(elements(table, "annotation"))
    if len(found) != 1:
        raise Fault("broken file", "it is not one <annotation>")
    return found[0]


def _picture(element: Element, table: Path, root: Path) -> Path:
    folders = [
        table.parent,
        table.parent.parent / _PICTURES,
        table.parent.parent / "images",
        table.parent.parent,
    ]
    name = element.findtext("filename") or ""
    return Finder(root, [each for each in folders if each.is_relative_to(root)]).find(name.strip())


def _size(element: Element) -> tuple[int, int] | None:
    found = element.find("size")
    if found is None:
        return None
    return told_size(found.findtext("width"), found.findtext("height"))


def _object(element: Element, size: tuple[int, int]) -> Annotation:
    label = clean_label(element.findtext("name"))
    if not label:
        raise Fault("unknown class", f"its name is {element.findtext('name')!r:.60}")
    box = element.find("bndbox")
    if box is None:
        raise Fault("bad box", "it has no <bndbox>")
    xyxy = [number(box.findtext(edge), edge) for edge in _EDGES]
    return annotation(label, size, xyxy=xyxy, attributes=dict(_attributes(element)))


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    """VOC's own, and those that CVAT and others keep in <attributes>."""
    for name in _ATTRIBUTES:
        text = element.findtext(name)
        if text is not None:
            yield name, text.strip()
    for each in element.iterfind("attributes/attribute"):
        if given := each.findtext("name"):
            yield given, each.findtext("value") or ""


def _sets(root: Path) -> dict[str, Split]:
    """Splits by the stem of a picture's files."""
    found: dict[str, Split] = {}
    for name in ("test", "val", "train"):
        path = root / _SETS / f"{name}.txt"
        split = split_of([name])
        if split and path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            found.update({line.strip(): split for line in lines if line.strip()})
    return found


def _classes(root: Path) -> set[str]:
    """Classes that ``labelmap.txt`` names, each as NAME:COLOUR:PARTS:ACTIONS."""
    path = root / _CLASSES
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    named = (line.rsplit(":", 3)[0] for line in lines if not line.startswith("#"))
    return {label for name in named if (label := clean_label(name))} - {"background"}


def _without_table(root: Path, tables: list[Path], named: Container[Path]) -> Iterator[Problem]:
    stems = {table.stem for table in tables}
    for path in pictures_below(root):
        in_masks = path.parent.name.startswith("Segmentation")
        if path not in named and path.stem not in stems and not in_masks:
            yield Problem(path, "no annotation", "no .xml file is called like it")


def _written(item: Item, name: str) -> Element:
    top = Element("annotation")
    SubElement(top, "folder").text = _PICTURES
    SubElement(top, "filename").text = name
    size = SubElement(top, "size")
    SubElement(size, "width").text = str(item.width)
    SubElement(size, "height").text = str(item.height)
    SubElement(size, "depth").text = "1" if item.mode in {"1", "L", "I", "I;16"} else "3"
    SubElement(top, "segmented").text = "0"
    for each in item.annotations:
        _write_object(top, each)
    return top


def _write_object(top: Element, each: Annotation) -> None:
    element = SubElement(top, "object")
    SubElement(element, "name").text = each.label
    others = []
    for name, text in each.attributes:
        if name in _ATTRIBUTES and text == text.strip():
            SubElement(element, name).text = text
        else:
            others.append((name, text))
    box = SubElement(element, "bndbox")
    for edge, value in zip(_EDGES, each.xyxy, strict=True):
        SubElement(box, edge).text = str(int(value)) if value == int(value) else repr(value)
    if others:
        listed = SubElement(element, "attributes")
        for name, text in others:
            attribute = SubElement(listed, "attribute")
            SubElement(attribute, "name").text = name
            SubElement(attribute, "value").text = text

"""CVAT's XML written picture by picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TextIO
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from midrib.datasets.annotations import Annotation, Polygon
from midrib.datasets.formats.cropped import crop, row_runs
from midrib.datasets.formats.placing import Placer
from midrib.datasets.records import Dataset, Item

TABLE = "annotations.xml"
CROWD = "is_crowd"  # what CVAT calls it when it reads COCO
FLAGS = ("occluded",)
"""Attributes that are CVAT's own."""


def write_cvat(dataset: Dataset, placer: Placer) -> None:
    """``images/`` and ``annotations.xml``."""
    with (placer.folder / TABLE).open("w", encoding="utf-8") as stream:
        stream.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
        stream.write("<version>1.1</version>\n")
        _write(stream, _meta(dataset.labels))
        for number, item in enumerate(dataset.items):
            _write(stream, _image(number, item, placer.put(item, "images")))
        stream.write("</annotations>\n")


def _write(stream: TextIO, element: Element) -> None:
    indent(element)
    stream.write(tostring(element, encoding="unicode") + "\n")


def _meta(labels: tuple[str, ...]) -> Element:
    meta = Element("meta")
    listed = SubElement(SubElement(meta, "task"), "labels")
    for label in labels:
        SubElement(SubElement(listed, "label"), "name").text = label
    return meta


def _image(number: int, item: Item, path: PurePosixPath) -> Element:
    sides = {"width": str(item.width), "height": str(item.height)}
    subset = {"subset": item.split} if item.split else {}
    image = Element("image", {"id": str(number), "name": path.name, **subset, **sides})
    for label in item.labels:
        SubElement(image, "tag", {"label": label, "source": "manual"})
    for group, each in enumerate(item.annotations, start=1):
        for tag, fields in _shapes(each):
            joined = {"group_id": str(group)} if len(each.polygons) > 1 else {}
            flags = {name: "1" if (name, "1") in each.attributes else "0" for name in FLAGS}
            common = {"label": each.label, "source": "manual", **flags, "z_order": "0"}
            shape = SubElement(image, tag, {**common, **fields, **joined})
            for name, text in _attributes(each):
                SubElement(shape, "attribute", {"name": name}).text = text
    return image


def _shapes(each: Annotation) -> Iterator[tuple[str, dict[str, str]]]:
    if each.mask:
        part, (left, top, right, bottom) = crop(each.mask)
        place = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        runs = ", ".join(str(run) for run in row_runs(part))
        yield "mask", {"rle": runs, **{name: str(value) for name, value in place.items()}}
    elif each.polygons:
        for polygon in each.polygons:
            yield "polygon", {"points": _points(polygon)}
    else:
        edges = zip(("xtl", "ytl", "xbr", "ybr"), each.xyxy, strict=True)
        yield "box", {name: repr(value) for name, value in edges}


def _points(polygon: Polygon) -> str:
    return ";".join(f"{x!r},{y!r}" for x, y in zip(polygon[::2], polygon[1::2], strict=True))


def _attributes(each: Annotation) -> Iterator[tuple[str, str]]:
    for name, text in each.attributes:
        if name not in FLAGS or text != "1":
            yield name, text
    if each.crowd:
        yield CROWD, "true"

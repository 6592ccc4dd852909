"""Objects of a picture as a row of JSON lists them."""

from __future__ import annotations

from collections.abc import Mapping

from midrib.datasets.annotations import Annotation, Polygon, Rle
from midrib.datasets.formats.objects import (
    Fault,
    annotation,
    checked_mask,
    numbers,
    polygon,
    whole,
)
from midrib.datasets.formats.rows import Row
from midrib.datasets.names import clean_label
from midrib.datasets.records import Problem


def listed_objects(row: Row, size: tuple[int, int]) -> tuple[list[Annotation], list[Problem]]:
    """The objects of ``row`` in a picture of ``size``, and what cannot be meant of them."""
    given = row.fields.get("objects")
    if given is None or given == "":
        return [], []
    if not isinstance(given, list):
        raise Fault("bad row", f"objects is {given!r:.60}, not a list")
    found, problems = [], []
    for index, each in enumerate(given):
        try:
            found.append(_object(each, size))
        except Fault as fault:
            problems.append(fault.at(row.table, f"{row.place}, objects[{index}]"))
    return found, problems


def object_record(each: Annotation) -> dict[str, object]:
    """The object, JSON-ready; what it does not have is left out."""
    record: dict[str, object] = {"label": each.label, "xyxy": each.xyxy}
    if each.polygons:
        record["polygons"] = each.polygons
    if each.mask:
        size = [each.mask.height, each.mask.width]
        record["mask"] = {"size": size, "counts": each.mask.counts}
    if each.crowd:
        record["crowd"] = True
    if each.attributes:
        record["attributes"] = dict(each.attributes)
    return record


def _object(given: object, size: tuple[int, int]) -> Annotation:
    if not isinstance(given, Mapping):
        raise Fault("bad row", f"a {type(given).__name__}, not an object")
    label = clean_label(given.get("label"))
    if not label:
        raise Fault("unknown class", f"the label is {given.get('label')!r:.60}")
    attributes = given.get("attributes")
    return annotation(
        label,
        size,
        xyxy=numbers(given["xyxy"], "xyxy", 4) if "xyxy" in given else None,
        polygons=_polygons(given.get("polygons") or []),
        mask=_mask(given["mask"]) if given.get("mask") else None,
        crowd=given.get("crowd") is True,
        attributes=attributes if isinstance(attributes, Mapping) else None,
    )


def _polygons(given: object) -> list[Polygon]:
    if not isinstance(given, list):
        raise Fault("bad outline", f"polygons is {given!r:.60}, not a list")
    return [polygon(numbers(each, f"polygons[{index}]")) for index, each in enumerate(given)]


def _mask(given: object) -> Rle:
    if not isinstance(given, Mapping) or not isinstance(given.get("counts"), str):
        raise Fault("bad mask", f"the mask is {given!r:.60}")
    height, width = (whole(side, "size") for side in numbers(given.get("size"), "size", 2))
    return checked_mask(Rle(height, width, given["counts"]))

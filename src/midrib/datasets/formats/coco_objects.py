"""A record of COCO's ``annotations`` to an object: box, outlines, or run lengths of a mask."""

from __future__ import annotations

from collections.abc import Mapping

from midrib.datasets.annotations import Annotation, Rle
from midrib.datasets.formats.objects import (
    Fault,
    annotation,
    checked_mask,
    number,
    numbers,
    polygon,
    whole,
)
from midrib.datasets.masks import MaskError, rle_from_runs


def coco_object(record: Mapping[str, object], label: str, size: tuple[int, int]) -> Annotation:
    """The object of a record in a picture of ``size`` (width, height). Raises ``Fault``."""
    polygons, mask = _shape(record.get("segmentation"))
    bbox = record.get("bbox")
    xyxy = None
    if bbox or not (polygons or mask):
        left, top, width, height = numbers(bbox, "bbox", 4)
        xyxy = (left, top, left + width, top + height)
    attributes = record.get("attributes")
    return annotation(
        label,
        size,
        xyxy=xyxy,
        polygons=polygons,
        mask=mask,
        crowd=bool(number(record.get("iscrowd") or 0, "iscrowd")),
        attributes=attributes if isinstance(attributes, dict) else None,
    )


def _shape(given: object) -> tuple[list[tuple[float, ...]], Rle | None]:
    """Outlines or mask of a ``segmentation``."""
    if not given:
        return [], None
    if isinstance(given, dict):
        return [], _mask(given)
    if not isinstance(given, list):
        raise Fault("bad outline", f"the segmentation is {given!r:.60}")
    return [
        polygon(numbers(each, f"segmentation[{index}]")) for index, each in enumerate(given)
    ], None


def _mask(given: dict[str, object]) -> Rle:
    height, width = (whole(side, "size") for side in numbers(given.get("size"), "size", 2))
    counts = given.get("counts")
    if isinstance(counts, str):
        return checked_mask(Rle(height, width, counts))
    if not isinstance(counts, list):
        raise Fault("bad mask", f"counts is {counts!r:.60}")
    try:
        return rle_from_runs([whole(run, "counts") for run in counts], height, width)
    except MaskError as problem:
        raise Fault("bad mask", problem.came) from None

"""The class of each pixel of a labelled picture, drawn from what is told of its objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midrib.datasets.annotations import Annotation, Polygon
from midrib.datasets.masks import area_of, mask_of
from midrib.datasets.records import Item
from midrib.records import BACKGROUND, IGNORED, ClassMap, Size

MOST_CLASSES = IGNORED
"""That a class map can tell apart, background among them."""


def with_background(labels: Sequence[str]) -> tuple[str, ...]:
    """The classes of pixels: background first, whether it has masks of its own or not."""
    return (BACKGROUND, *(label for label in labels if label != BACKGROUND))


def class_map_of(item: Item, labels: Sequence[str], size: Size) -> ClassMap:
    """The place among ``labels`` of each pixel's class, the picture being scaled to ``size``.

    Small objects lie over large ones. Pixels of a crowd that no object covers are `IGNORED`, all
    others that none covers are of the first class, the background.

    Args:
        item: the picture with its annotations.
        labels: as `with_background` gives them.
        size: height and width of the map.
    """
    drawn: ClassMap = np.zeros(size, np.uint8)
    of = Size(item.height or size.height, item.width or size.width)
    order = sorted(item.annotations, key=lambda each: (not each.crowd, -_area(each)))
    for each in order:
        place = IGNORED if each.crowd else labels.index(each.label)
        drawn[mask_of(each, of, size)] = place
    return drawn


def pixels_by_class(items: Sequence[Item], labels: Sequence[str]) -> list[int]:
    """About how many pixels of the pictures are of each class, what is left being background.

    Where objects lie over each other they count twice.
    """
    counts = dict.fromkeys(labels, 0.0)
    whole = 0.0
    for item in items:
        whole += item.height * item.width
        for each in item.annotations:
            area = _area(each)
            if each.crowd:
                whole -= area
            else:
                counts[each.label] += area
    counts[labels[0]] += max(0.0, whole - sum(counts.values()))
    return [round(counts[label]) for label in labels]


def _area(annotation: Annotation) -> float:
    """In pixels of the picture."""
    if annotation.mask is not None:
        return float(area_of(annotation.mask))
    if annotation.polygons:
        return sum(map(_polygon_area, annotation.polygons))
    left, top, right, bottom = annotation.xyxy
    return (right - left) * (bottom - top)


def _polygon_area(polygon: Polygon) -> float:
    """By the shoelace formula."""
    x, y = np.array(polygon[::2]), np.array(polygon[1::2])
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2

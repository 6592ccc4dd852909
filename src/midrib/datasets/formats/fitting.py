"""A dataset with nothing in it that a format cannot hold, as near to the whole as can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.holding import Holds, is_kept, mask_of, shape_span
from midrib.datasets.masks import (
    decode_mask,
    encode_mask,
    joined,
    outline,
    rasterize,
    span_of,
)
from midrib.datasets.records import Dataset, Item


def fit(holds: Holds, dataset: Dataset) -> Dataset:
    """``dataset`` without what ``holds`` rules out.

    Masks become outlines where only outlines can be held, and outlines masks; both become boxes
    where only boxes can.
    """
    items = (item for item in dataset.items if is_kept(holds, item))
    return replace(dataset, items=tuple(_fitted(holds, item) for item in items))


def _fitted(holds: Holds, item: Item) -> Item:
    return replace(
        item,
        labels=() if holds.labels == "none" else item.labels,
        split=item.split if holds.splits else None,
        annotations=tuple(_annotations(holds, item)) if holds.objects else (),
        group=item.group if holds.group else None,
    )


def _annotations(holds: Holds, item: Item) -> Iterator[Annotation]:
    shaped = [_shaped(holds, each, item) for each in item.annotations]
    kept = [each for each in shaped if holds.boxes or each.polygons or each.mask]
    if holds.pixels == "one class":
        void = {each.label for each in kept if holds.void and each.is_void}
        yield from _by_class(kept, item, void)
        return
    for each in _apart(kept, item) if holds.pixels == "one object" else kept:
        yield replace(
            each,
            xyxy=each.xyxy if holds.own_box else shape_span(each),
            crowd=each.crowd and holds.crowd,
            attributes=each.attributes if holds.attributes else (),
        )


def _shaped(holds: Holds, each: Annotation, item: Item) -> Annotation:
    """The object with its outline or mask in a form that can be held."""
    if holds.both:
        return each
    if holds.polygons != "none" and (each.polygons or not holds.masks):
        return replace(each, polygons=_polygons(holds, each), mask=None)
    if holds.masks and each.polygons:
        covered = rasterize(each.polygons, item.height, item.width)
        return replace(each, polygons=(), mask=encode_mask(covered) if covered.any() else None)
    return replace(each, polygons=(), mask=each.mask if holds.masks else None)


def _polygons(holds: Holds, each: Annotation) -> tuple[tuple[float, ...], ...]:
    polygons = each.polygons
    if each.mask and not polygons:
        polygons = outline(decode_mask(each.mask))
    return (joined(polygons),) if len(polygons) > 1 and holds.polygons == "one" else polygons


def _apart(masked: Sequence[Annotation], item: Item) -> Iterator[Annotation]:
    """Each object with the pixels that no later one covers; what is covered whole is gone."""
    painted = _painted(masked, range(1, len(masked) + 1), item)
    for number, each in enumerate(masked, start=1):
        if (left := painted == number).any():
            yield replace(each, mask=encode_mask(left))


def _by_class(masked: Sequence[Annotation], item: Item, void: set[str]) -> Iterator[Annotation]:
    """One object a class, with the pixels that no object of another class covers later."""
    labels = sorted({each.label for each in masked})
    painted = _painted(masked, [labels.index(each.label) + 1 for each in masked], item)
    for number, label in enumerate(labels, start=1):
        if (left := painted == number).any():
            mask = encode_mask(left)
            yield Annotation(label, span_of(mask), mask=mask, crowd=label in void)


def _painted(masked: Sequence[Annotation], numbers: Sequence[int], item: Item) -> NDArray[np.int32]:
    """Height × width, int32: the number of the last object over each pixel, else 0."""
    canvas = np.zeros((item.height, item.width), dtype=np.int32)
    for number, each in zip(numbers, masked, strict=True):
        canvas[mask_of(each, item.height, item.width)] = number
    return canvas

"""What a format can hold, and what of a dataset it would lose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from midrib.datasets.annotations import XYXY, Annotation, spanned
from midrib.datasets.masks import Mask, decode_mask, rasterize, span_of
from midrib.datasets.records import Dataset, Item

Amount = Literal["none", "one", "several"]


@dataclass(frozen=True, slots=True)
class Holds:
    """What annotations of one format can say.

    Args:
        labels: how many classes of the whole picture.
        unlabelled: whether a picture may be without any class or object.
        boxes: whether an object may be a box without outline or mask.
        own_box: whether an outlined object keeps a box that its outline does not span.
        polygons: how many outlines an object may have.
        masks: whether an object may be a mask.
        both: whether an object may have outlines and a mask.
        pixels: whether objects may share pixels, or each belongs to one object or one class.
        crowd: whether an object may stand for many.
        attributes: whether objects carry names and texts.
        group: whether what belongs together is named.
        splits: whether pictures are in splits.
        unsplit: whether pictures may be in no split.
    """

    labels: Amount = "none"
    unlabelled: bool = True
    boxes: bool = False
    own_box: bool = False
    polygons: Amount = "none"
    masks: bool = False
    both: bool = False
    pixels: Literal["shared", "one object", "one class"] = "shared"
    crowd: bool = False
    attributes: bool = False
    group: bool = False
    splits: bool = False
    unsplit: bool = True

    @property
    def objects(self) -> bool:
        """Whether anything in a picture can be annotated."""
        return self.boxes or self.masks or self.polygons != "none"


def losses(holds: Holds, dataset: Dataset) -> list[str]:
    """What fitting takes away, one clause each with how often."""
    found: Counter[str] = Counter()
    for item in dataset.items:
        found.update(_item_losses(holds, item))
        for each in item.annotations if is_kept(holds, item) else ():
            found.update(_annotation_losses(holds, each))
        if holds.pixels != "shared" and _overlap(item):
            found["pixels that several objects cover, in pictures"] += 1
    return [f"{what} ({count:,})" for what, count in found.items()]


def is_kept(holds: Holds, item: Item) -> bool:
    """Whether the picture can be held at all."""
    if item.split is None and not holds.unsplit:
        return False
    if holds.labels == "one" and not holds.unlabelled:
        return len(item.labels) == 1
    return True


def _item_losses(holds: Holds, item: Item) -> Iterator[str]:
    if item.split is None and not holds.unsplit:
        yield "pictures without a split, left out"
        return
    if not is_kept(holds, item):
        yield "pictures without exactly one class, left out"
        return
    if item.labels and holds.labels == "none":
        yield "classes of whole pictures"
    if item.split and not holds.splits:
        yield "splits of pictures"
    if item.group is not None and not holds.group:
        yield "groups of pictures"


def _annotation_losses(holds: Holds, each: Annotation) -> Iterator[str]:
    if not holds.objects:
        yield "objects in pictures"
        return
    shaped = bool(each.polygons or each.mask)
    if not shaped and not holds.boxes:
        yield "objects that are only a box"
        return
    yield from _shape_losses(holds, each)
    if shaped and not holds.own_box and each.xyxy != shape_span(each):
        yield "boxes that differ from what their outline or mask spans"
    if each.crowd and not holds.crowd:
        yield "which objects stand for a crowd"
    if each.attributes and not holds.attributes:
        yield "attributes of objects"


def _shape_losses(holds: Holds, each: Annotation) -> Iterator[str]:
    if each.polygons and each.mask and not holds.both:
        yield "masks of objects that have outlines too"
    if each.polygons and holds.polygons == "none":
        yield "outlines, which become " + ("masks" if holds.masks else "boxes")
    elif len(each.polygons) > 1 and holds.polygons == "one":
        yield "several outlines of an object, which are joined to one"
    if each.mask and not each.polygons and not holds.masks:
        yield "masks, which become " + ("boxes" if holds.polygons == "none" else "outlines")
    if holds.pixels == "one class":
        yield "where one object of a class ends and the next begins"


def _overlap(item: Item) -> bool:
    """Whether two outlined or masked objects share a pixel."""
    covered = np.zeros((item.height, item.width), dtype=np.bool_)
    for each in item.annotations:
        if each.polygons or each.mask:
            mask = mask_of(each, item.height, item.width)
            if (covered & mask).any():
                return True
            covered |= mask
    return False


def mask_of(each: Annotation, height: int, width: int) -> Mask:
    """The pixels of an outlined or masked object, in a picture of that size."""
    if each.polygons:
        return rasterize(each.polygons, height, width)
    return decode_mask(each.mask) if each.mask else np.zeros((height, width), dtype=np.bool_)


def shape_span(each: Annotation) -> XYXY:
    """The box that an object's outlines, else its mask, else its box spans."""
    if each.polygons:
        return spanned(each.polygons)
    return span_of(each.mask) if each.mask else each.xyxy

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
        void: whether pixels may be of no known class.
        attributes: whether objects carry names and texts.
        group: whether what belongs together is named.
        splits: whether pictures are in splits.
        unsplit: whether pictures may be in no split.
        classes: whether classes are listed, so that one may be of nothing.
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
    void: bool = False
    attributes: bool = False
    group: bool = False
    splits: bool = False
    unsplit: bool = True
    classes: bool = True

    @property
    def objects(self) -> bool:
        """Whether anything in a picture can be annotated."""
        return self.boxes or self.masks or self.polygons != "none"


def losses(holds: Holds, dataset: Dataset) -> list[str]:
    """What fitting takes away, one clause each with how often."""
    found: Counter[str] = Counter()
    used: set[str] = set()
    for item in dataset.items:
        found.update(_item_losses(holds, item))
        if is_kept(holds, item):
            used |= _held_labels(holds, item)
            for each in item.annotations:
                found.update(_annotation_losses(holds, each))
            found.update(_pixel_losses(holds, item))
    if unused := set(dataset.labels) - used if not holds.classes else set():
        found["classes that nothing is of"] = len(unused)
    return [f"{what} ({count:,})" for what, count in found.items()]


def is_kept(holds: Holds, item: Item) -> bool:
    """Whether the picture can be held at all."""
    if item.split is None and not holds.unsplit:
        return False
    if holds.labels == "one" and not holds.unlabelled:
        return len(item.labels) == 1
    return True


def _held_labels(holds: Holds, item: Item) -> set[str]:
    objects = {each.label for each in item.annotations} if holds.objects else set()
    return objects if holds.labels == "none" else objects.union(item.labels)


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
    if each.crowd and not holds.crowd and not (holds.void and each.is_void):
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


def _pixel_losses(holds: Holds, item: Item) -> Iterator[str]:
    """What is lost where objects become pixels, each of which may belong to one of them only."""
    shaped = [each for each in item.annotations if each.polygons or each.mask]
    if not shaped or holds.polygons != "none" or not holds.masks:
        return
    canvas = np.zeros((item.height, item.width), dtype=np.int32)
    shared, left = False, set[int]()
    for number, each in enumerate(shaped, start=1):
        mask = mask_of(each, item.height, item.width)
        shared |= bool(canvas[mask].any())
        canvas[mask] = number
        if mask.any():
            left.add(number)
    if shared and holds.pixels != "shared":
        yield "pixels that several objects cover, in pictures"
        left = set(np.unique(canvas).tolist()) - {0}
    yield from ["objects of which no pixel is left"] * (len(shaped) - len(left))
    if holds.pixels == "one class":
        classes = {shaped[number - 1].label for number in left}
        yield from ["objects that become one with another of their class"] * (
            len(left) - len(classes)
        )


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

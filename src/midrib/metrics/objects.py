"""Objects in one picture, as they are and as a model found them, and how far they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from midrib.errors import DataError
from midrib.metrics.decisions import Real
from midrib.records import Floats, Rle

Classes = NDArray[np.int64]
Flags = NDArray[np.bool_]
Shape = Literal["boxes", "masks"]
"""What is compared of two objects."""

ANY_CLASS = -1
"""Class of a region of which nothing is known: whatever is found in it counts neither way."""


@dataclass(frozen=True, slots=True)
class TrueObjects:
    """The objects of one picture. Raises ``DataError`` where the lengths differ.

    ``xyxy``: float32, count × 4 (left, top, right, bottom), in pixels. ``classes``: int64, count,
    from 0 on, or `ANY_CLASS`. ``crowd``: bool, count; a crowd stands for many objects of its
    class, need not be found, and takes whatever is found in it; a region of `ANY_CLASS` is one.
    ``masks``: none, or one for each, made or checked by ``midrib.datasets.masks``.
    """

    xyxy: Floats
    classes: Classes
    crowd: Flags
    masks: tuple[Rle, ...] = ()

    def __post_init__(self) -> None:
        _require_lengths(self.xyxy, self.masks, len(self.classes), len(self.crowd))
        if np.any((self.classes == ANY_CLASS) & ~self.crowd):
            raise DataError(
                "an object of any class that is no crowd",
                expected="a class from 0 on, or a crowd",
                todo="set crowd for regions of which nothing is known",
            )

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """What a model found in one picture. Raises ``DataError`` where the lengths differ.

    ``xyxy`` and ``masks`` as in `TrueObjects`. ``scores``: float32, count, 0 to 1. ``classes``:
    int64, count, from 0 on.
    """

    xyxy: Floats
    scores: Floats
    classes: Classes
    masks: tuple[Rle, ...] = ()

    def __post_init__(self) -> None:
        _require_lengths(self.xyxy, self.masks, len(self.classes), len(self.scores))
        if np.any(self.classes < 0):
            raise DataError(
                f"an object was found of class {int(self.classes.min())}",
                expected="classes from 0 on",
                todo="leave out what was named background",
            )

    def __len__(self) -> int:
        return len(self.classes)

    def best(self, most: int) -> FoundObjects:
        """Those of the ``most`` best scores, best first; equal scores keep their order."""
        return self.only(np.argsort(-self.scores, kind="stable")[:most])

    def only(self, rows: NDArray[np.int64]) -> FoundObjects:
        """Those in ``rows`` (int64), in that order."""
        masks = tuple(self.masks[row] for row in rows) if self.masks else ()
        return FoundObjects(self.xyxy[rows], self.scores[rows], self.classes[rows], masks)


def overlaps(found: FoundObjects, truth: TrueObjects, shape: Shape = "boxes") -> Real:
    """Intersection over union of each pair: float64, found × truth, 0 to 1.

    With a crowd it is the share of what was found that lies in it, as COCO has it.
    """
    if not len(found) or not len(truth):
        return np.zeros((len(found), len(truth)))
    if shape == "masks":
        return _mask_overlaps(found.masks, truth.masks, truth.crowd)
    return _box_overlaps(found.xyxy, truth.xyxy, truth.crowd)


def require_masks(objects: TrueObjects | FoundObjects) -> None:
    """Raise ``DataError`` for objects without masks."""
    if len(objects) and not objects.masks:
        raise DataError(
            "objects without masks",
            expected="a mask for each, where masks are compared",
            todo="compare boxes, or give the masks",
        )


def mask_areas(masks: Sequence[Rle]) -> Real:
    """Pixels of each mask: float64, count."""
    areas: Real = _coco().area([coco_mask(mask) for mask in masks]).astype(np.float64)
    return areas


def coco_mask(rle: Rle) -> dict[str, object]:
    """As COCO's own code takes it."""
    return {"size": [rle.height, rle.width], "counts": rle.counts.encode("ascii")}


def _box_overlaps(found: Floats, truth: Floats, crowd: Flags) -> Real:
    one, other = found[:, None].astype(np.float64), truth[None].astype(np.float64)
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared: Real = np.prod(np.maximum(sides, 0), axis=-1)
    area = np.prod(one[..., 2:] - one[..., :2], axis=-1)
    others = np.prod(other[..., 2:] - other[..., :2], axis=-1)
    whole = np.where(crowd[None], area, area + others - shared)
    ratio: Real = np.where(whole > 0, shared / np.where(whole > 0, whole, 1), 0)
    return ratio


def _mask_overlaps(found: Sequence[Rle], truth: Sequence[Rle], crowd: Flags) -> Real:
    if len({(mask.height, mask.width) for mask in (*found, *truth)}) > 1:
        raise DataError(
            "masks of different sizes in one picture",
            expected="all of the picture's size",
            todo="scale what was found to the picture",
        )
    given = [coco_mask(mask) for mask in found], [coco_mask(mask) for mask in truth]
    shared: Real = _coco().iou(*given, crowd.astype(np.uint8).tolist())
    return shared


def _coco() -> Any:
    """Its C for masks; loaded on first use, since boxes do without."""
    return import_module("pycocotools.mask")


def _require_lengths(xyxy: Floats, masks: tuple[Rle, ...], classes: int, others: int) -> None:
    if xyxy.shape != (classes, 4) or classes != others or len(masks) not in {0, classes}:
        raise DataError(
            f"{classes} classes for boxes of shape {xyxy.shape}, {others} flags or scores and"
            f" {len(masks)} masks",
            expected="as many of each, boxes of four numbers, masks for all or none",
            todo="give arrays of one picture",
        )

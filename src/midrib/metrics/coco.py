"""COCO's evaluation of a set of pictures, by faster-coco-eval.

Lin et al., 'Microsoft COCO', arXiv 1405.0312, and cocodataset.org/#detection-eval. The library
counts as pycocotools does, in C++; a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from midrib.errors import DataError
from midrib.metrics.decisions import Real
from midrib.metrics.objects import (
    ANY_CLASS,
    FoundObjects,
    Shape,
    TrueObjects,
    coco_mask,
    mask_areas,
    require_masks,
)

SIZES = ("all", "small", "medium", "large")
"""By area in pixels: up to 32², up to 96², beyond."""

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Overlaps from which a found object counts as the true one."""

MOST = 100
"""Found objects of a picture that count, the best first."""

_FEW = (1, 10)
_COCO_TYPES = {"boxes": "bbox", "masks": "segm"}


@dataclass(frozen=True)
class CocoTable:
    """What COCO's evaluation counts; nan where a class has no object of that size.

    ``precision``: float64, 10 thresholds × 101 recalls × classes × 4 `SIZES`, the best precision
    at this recall or beyond. ``scores``: of the same shape, the score from which it is reached.
    ``recall``: float64, 10 thresholds × classes × 4 sizes × 3 (best 1, best 10, all that count).
    """

    precision: Real
    scores: Real
    recall: Real


def coco_table(
    truth: Sequence[TrueObjects],
    found: Sequence[FoundObjects],
    classes: int,
    *,
    shape: Shape,
    most: int = MOST,
) -> CocoTable:
    """Evaluate pictures; those without objects count as any other.

    Raises ``DataError`` where truth and found are not of as many pictures, name a class beyond
    ``classes``, or lack masks that are asked for.
    """
    _require_fit(truth, found, classes, shape)
    if not truth or not classes:
        return _empty(classes)
    from faster_coco_eval import COCO, COCOeval_faster

    named = [{"id": place + 1, "name": str(place)} for place in range(classes)]
    images = [_image(place, objects) for place, objects in enumerate(truth)]
    common = {"info": {}, "images": images, "categories": named}
    given = COCO({**common, "annotations": _true_rows(truth, classes)})
    answered = COCO({**common, "annotations": _found_rows(found, shape)})
    evaluation: Any = COCOeval_faster(given, answered, _COCO_TYPES[shape])
    evaluation.params.maxDets = [*_FEW, max(most, _FEW[-1] + 1)]
    evaluation.evaluate()
    evaluation.accumulate()
    return _table(evaluation.eval)


def _table(counted: dict[str, Any]) -> CocoTable:
    precision, scores, recall = (
        np.asarray(counted[name], dtype=np.float64) for name in ("precision", "scores", "recall")
    )
    absent = precision < 0  # COCO writes -1 where nothing can be counted
    return CocoTable(
        precision=np.where(absent, np.nan, precision)[..., -1],
        scores=np.where(absent, np.nan, scores)[..., -1],
        recall=np.where(recall < 0, np.nan, recall),
    )


def _empty(classes: int) -> CocoTable:
    thresholds, recalls, sizes = len(THRESHOLDS), 101, len(SIZES)
    curve = np.full((thresholds, recalls, classes, sizes), np.nan)
    return CocoTable(curve, curve, np.full((thresholds, classes, sizes, len(_FEW) + 1), np.nan))


def _image(place: int, objects: TrueObjects) -> dict[str, int]:
    height, width = (objects.masks[0].height, objects.masks[0].width) if objects.masks else (1, 1)
    return {"id": place + 1, "height": height, "width": width}


def _true_rows(truth: Sequence[TrueObjects], classes: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for image, objects in enumerate(truth, start=1):
        boxes, areas = _boxes_and_areas(objects)
        for place, label in enumerate(objects.classes.tolist()):
            for category in range(classes) if label == ANY_CLASS else (label,):
                rows.append(
                    {
                        "id": len(rows) + 1,
                        "image_id": image,
                        "category_id": category + 1,
                        "bbox": boxes[place],
                        "area": areas[place],
                        "iscrowd": int(objects.crowd[place]),
                        **_segmentation(objects, place),
                    }
                )
    return rows


def _found_rows(found: Sequence[FoundObjects], shape: Shape) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for image, objects in enumerate(found, start=1):
        boxes, areas = _boxes_and_areas(objects, masks=shape == "masks")
        scores = objects.scores.tolist()
        for place, label in enumerate(objects.classes.tolist()):
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": image,
                    "category_id": label + 1,
                    "bbox": boxes[place],
                    "area": areas[place],
                    "iscrowd": 0,
                    "score": scores[place],
                    **_segmentation(objects, place),
                }
            )
    return rows


def _boxes_and_areas(
    objects: TrueObjects | FoundObjects, *, masks: bool = True
) -> tuple[list[list[float]], list[float]]:
    """Left, top, width and height; and the pixels of the mask, else of the box."""
    corners = objects.xyxy.astype(np.float64)
    sides = corners[:, 2:] - corners[:, :2]
    areas = np.prod(sides, axis=1)
    if masks and objects.masks:
        areas = mask_areas(objects.masks)
    return np.concatenate([corners[:, :2], sides], axis=1).tolist(), areas.tolist()


def _segmentation(objects: TrueObjects | FoundObjects, place: int) -> dict[str, object]:
    return {"segmentation": coco_mask(objects.masks[place])} if objects.masks else {}


def _require_fit(
    truth: Sequence[TrueObjects], found: Sequence[FoundObjects], classes: int, shape: Shape
) -> None:
    if len(truth) != len(found):
        raise DataError(
            f"answers for {len(found)} pictures of {len(truth)}",
            expected="one record a picture, empty where nothing was found",
            todo="give both in the same order",
        )
    everything: list[TrueObjects | FoundObjects] = [*truth, *found]
    for objects in everything:
        if np.any((objects.classes >= classes) | (objects.classes < ANY_CLASS)):
            raise DataError(
                f"class {int(objects.classes.max())} of {classes}",
                expected=f"classes from 0 to {classes - 1}",
                todo="give all labels of the model",
            )
        if shape == "masks":
            require_masks(objects)

"""Panoptic quality of a detector that draws masks: each pixel is of one object at most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.metrics import (
    FoundObjects,
    InstanceMap,
    PanopticCounts,
    TrueObjects,
    panoptic_counts,
    panoptic_scores,
)
from midrib.metrics.objects import mask_areas
from midrib.metrics.panoptic import VOID
from midrib.records import Rle
from midrib.run_lengths import decode_runs


def instance_counts(evaluation: DetectionEvaluation) -> tuple[PanopticCounts, ...]:
    """Of each picture, what is answered against what is there; empty where there are no masks."""
    if not evaluation.with_masks:
        return ()
    classes = len(evaluation.labels)
    pairs = zip(evaluation.truth, evaluation.answered, strict=True)
    return tuple(_counts(truth, answered, classes) for truth, answered in pairs)


def instance_numbers(counts: Sequence[PanopticCounts], labels: Sequence[str]) -> dict[str, float]:
    """Panoptic quality, and the two that it is the product of, by name."""
    if not counts:
        return {}
    together = reduce(add, counts, PanopticCounts.none(len(labels)))
    quality = panoptic_scores(together, labels).all
    return {"pq": quality.pq, "sq": quality.sq, "rq": quality.rq}


def _counts(truth: TrueObjects, answered: FoundObjects, classes: int) -> PanopticCounts:
    masks = (*truth.masks, *answered.masks)
    if not masks:
        return PanopticCounts.none(classes)
    size = masks[0].height, masks[0].width
    return panoptic_counts(_true_map(truth, size), _found_map(answered, size), classes)


def _true_map(truth: TrueObjects, size: tuple[int, int]) -> InstanceMap:
    """Small objects over large ones; what a crowd covers is void where no object is."""
    single = np.flatnonzero(~truth.crowd)
    ids = np.zeros(size, np.int32)
    for row in np.flatnonzero(truth.crowd):
        ids[decode_runs(truth.masks[row])] = VOID
    masks = [truth.masks[row] for row in single]
    areas = mask_areas(masks) if masks else np.zeros(0)
    _paint(ids, masks, np.argsort(-areas, kind="stable"))
    return InstanceMap(ids, truth.classes[single])


def _found_map(answered: FoundObjects, size: tuple[int, int]) -> InstanceMap:
    """Sure objects over less sure ones: Kirillov et al., arXiv 1801.00868, appendix A."""
    ids = np.zeros(size, np.int32)
    _paint(ids, answered.masks, np.argsort(answered.scores, kind="stable"))
    return InstanceMap(ids, answered.classes)


def _paint(ids: NDArray[np.int32], masks: Sequence[Rle], order: NDArray[np.int64]) -> None:
    for place in order:
        ids[decode_runs(masks[place])] = place + 1

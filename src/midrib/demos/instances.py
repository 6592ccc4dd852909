"""Instances from masks of pixels: nuclei that touch are parted by a watershed, and scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from midrib.datasets import Item
from midrib.datasets.annotations import Annotation
from midrib.datasets.masks import encode_mask, mask_of, span_of
from midrib.evaluation import SegmentationEvaluation
from midrib.metrics import (
    InstanceMap,
    PanopticCounts,
    Quality,
    bootstrap,
    panoptic_counts,
    panoptic_scores,
)
from midrib.metrics.decisions import Real, Truth
from midrib.records import Mask, Score, Size
from midrib.run_lengths import decode_runs

Ids = NDArray[np.int32]
"""The number of each pixel's instance from 1 on, 0 of none: int32, height × width."""

_APART = 7
_SMOOTHING = 1.0
_ACROSS = ndimage.generate_binary_structure(2, 1)
_AROUND = ndimage.generate_binary_structure(2, 2)


@dataclass(frozen=True)
class Instances:
    """How well instances are told in some pictures.

    ``score``: panoptic quality with its interval over pictures. ``quality``: what it is made of.
    ``true`` and ``found``: how many there are; what tiles cut counts in each of them.
    """

    score: Score
    quality: Quality
    true: int
    found: int

    def as_record(self) -> dict[str, object]:
        return {
            "pq": self.score.model_dump(mode="json"),
            "quality": asdict(self.quality),
            "true": self.true,
            "found": self.found,
        }


def part(mask: Mask, *, apart: int = _APART) -> Ids:
    """Number the roundish parts of a mask by a watershed of how deep their pixels lie.

    Markers are the deepest pixels within ``apart`` pixels; from them the mask is flooded depth by
    depth (Vincent and Soille, 'Watersheds in Digital Spaces', IEEE PAMI 13, 1991). Parts of the
    mask that do not touch are never one.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), _SMOOTHING)
    highest = ndimage.maximum_filter(depth, size=2 * apart + 1)
    peaks = mask & (depth >= highest)
    islands, _ = ndimage.label(mask, structure=_ACROSS)
    near, _ = ndimage.label(peaks, structure=_AROUND)
    # Peaks of two islands may meet at a corner.
    pairs, numbers = np.unique(np.stack([near[peaks], islands[peaks]]), axis=1, return_inverse=True)
    ids, count = np.zeros(mask.shape, np.int32), pairs.shape[1]
    ids[peaks] = numbers.reshape(-1) + 1
    ids = _flooded(ids, depth, mask)
    # A small part beside a larger one has no marker of its own.
    rest, _ = ndimage.label(mask & (ids == 0), structure=_ACROSS)
    return np.where(rest > 0, rest + count, ids).astype(np.int32)


def instances_of(
    evaluation: SegmentationEvaluation, items: Iterable[Item], label: str
) -> Instances:
    """Part what was answered for each picture, and match it with the picture's own instances."""
    by_path = {item.path: item for item in items}
    counts = [
        panoptic_counts(
            _map(true_ids(by_path[path])), _map(part(found_mask(evaluation, index, label))), 1
        )
        for index, path in enumerate(evaluation.paths)
    ]
    whole = reduce(add, counts, PanopticCounts.none(1))
    matched, stray, missed = (int(each[0]) for each in (whole.matched, whole.stray, whole.missed))
    return Instances(
        score=_score(counts, evaluation.split),
        quality=panoptic_scores(whole, [label]).all,
        true=matched + missed,
        found=matched + stray,
    )


def true_ids(item: Item) -> Ids:
    """The instances that a picture is labelled with, in its own pixels."""
    size = Size(item.height, item.width)
    ids = np.zeros(size, np.int32)
    for number, each in enumerate(item.annotations, start=1):
        ids[mask_of(each, size, size)] = number
    return ids


def found_mask(evaluation: SegmentationEvaluation, index: int, label: str) -> Mask:
    """Where a class was answered in one picture: bool, height × width."""
    rle = evaluation.masks_of(index).get(label)
    return np.zeros(evaluation.sizes[index], np.bool_) if rle is None else decode_runs(rle)


def as_annotations(ids: Ids, label: str) -> list[Annotation]:
    """Each instance by itself, to be drawn."""
    masks = (encode_mask(ids == number) for number in np.unique(ids[ids > 0]))
    return [Annotation(label, span_of(mask), mask=mask) for mask in masks]


def _flooded(ids: Ids, depth: Real, mask: Mask) -> Ids:
    """Let every marker grow within the mask, to the deepest pixels first."""
    for level in range(int(depth.max()), -1, -1):
        zone = mask & (depth >= level)
        while True:
            grown = ndimage.grey_dilation(ids, footprint=_ACROSS)
            wet = zone & (ids == 0) & (grown > 0)
            if not wet.any():
                break
            ids[wet] = grown[wet]
    return ids


def _map(ids: Ids) -> InstanceMap:
    return InstanceMap(ids, np.zeros(int(ids.max(initial=0)), np.int64))


def _score(counts: Sequence[PanopticCounts], split: str) -> Score:
    rows = np.array(
        [[one.overlap[0], one.matched[0], (one.stray + one.missed)[0]] for one in counts]
    )
    found = bootstrap(_panoptic_quality, np.zeros(len(rows), np.int64), rows)
    return Score(metric="pq", **found._asdict(), pictures=len(rows), split=split)


def _panoptic_quality(_: Truth, rows: Real) -> float:
    """Of pictures' overlap, matched and unmatched instances, float64, pictures × 3."""
    overlap, matched, unmatched = rows.sum(axis=0)
    return float(overlap / max(matched + unmatched / 2, 1))

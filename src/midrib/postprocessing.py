"""Model outputs to predictions. Arrays only, so that lab and field decide alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from midrib.config import Config
from midrib.records import ClassMap, Floats, Found, Outputs, Prediction, Rle, Size
from midrib.run_lengths import MaskError, decode_runs

TOP_K = 5


def decide(
    answer: Floats, labels: list[str], *, positive: str | None, threshold: float
) -> list[int]:
    """Index of the decided label of each picture.

    Args:
        answer: float32, count × classes, probabilities.
        labels: class names in the order of the answer.
        positive: with two classes, the one that is decided from ``threshold`` on; None takes the
            most probable class.
        threshold: 0 to 1.
    """
    if positive is None:
        return [int(index) for index in np.argmax(answer, axis=1)]
    index = labels.index(positive)
    return [index if row[index] >= threshold else 1 - index for row in answer]


def classify(
    outputs: Outputs,
    labels: list[str],
    *,
    positive: str | None = None,
    threshold: float = 0.5,
    top_k: int = TOP_K,
) -> list[Prediction]:
    """One prediction a picture from the probabilities of ``outputs``."""
    decided = decide(outputs.answer, labels, positive=positive, threshold=threshold)
    predictions = []
    for row, embedding, index in zip(outputs.answer, outputs.embedding, decided, strict=True):
        best = np.argsort(-row, kind="stable")[:top_k]
        predictions.append(
            Prediction(
                label=labels[index],
                score=float(row[index]),
                scores={labels[place]: float(row[place]) for place in best},
                embedding=embedding,
            )
        )
    return predictions


class Suppression(Config):
    """How the candidates of a detector become objects."""

    least_score: float = Field(default=0.05, ge=0, le=1)
    """Candidates with a lower score are left out."""

    most_overlap: float = Field(default=0.5, ge=0, le=1)
    """Intersection over union with a surer object of the same class up to which one is kept."""

    most_candidates: int = Field(default=1000, gt=0)
    """Of one picture that are looked at, the surest first."""

    most_objects: int = Field(default=100, gt=0)
    """That one picture is answered with."""


def suppress(boxes: Floats, scores: Floats, recipe: Suppression) -> Found:
    """Candidates to objects: the surest of each place and class.

    Args:
        boxes: float32, candidates × 4 (left, top, right, bottom).
        scores: float32, candidates × classes, 0 to 1; each candidate may be of several classes.
        recipe: the thresholds.
    """
    return suppressed(boxes, scores, recipe)[0]


def suppressed(
    boxes: Floats, scores: Floats, recipe: Suppression
) -> tuple[Found, NDArray[np.int64]]:
    """What `suppress` gives, and for each object its place among the candidates."""
    rows, classes = np.nonzero(scores >= np.float32(recipe.least_score))
    sure = scores[rows, classes]
    order = np.argsort(-sure, kind="stable")[: recipe.most_candidates]
    rows, classes, sure = rows[order], classes[order], sure[order]
    candidates = boxes[rows]
    sides = candidates[:, 2:] - candidates[:, :2]
    real = np.flatnonzero((sides > 0).all(axis=1))
    found = Found(candidates[real], sure[real], classes[real].astype(np.int64))
    kept = _surest_rows(found, recipe.most_overlap, most=recipe.most_objects)
    return found.only(kept), rows[real][kept]


def surest(found: Found, most_overlap: float, *, most: int | None = None) -> Found:
    """Those, surest first, that overlap by more than ``most_overlap`` with no surer one.

    Args:
        found: objects, surest first; only those of one class suppress each other.
        most_overlap: intersection over union.
        most: after how many to stop.
    """
    return found.only(_surest_rows(found, most_overlap, most))


def _surest_rows(found: Found, most_overlap: float, most: int | None) -> NDArray[np.int64]:
    boxes, classes = found.boxes, found.classes
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left) and (most is None or len(kept) < most):
        first, left = left[0], left[1:]
        kept.append(int(first))
        low = np.maximum(boxes[left, :2], boxes[first, :2])
        high = np.minimum(boxes[left, 2:], boxes[first, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        overlap = shared / (areas[left] + areas[first] - shared)
        left = left[(overlap <= most_overlap) | (classes[left] != classes[first])]
    return np.array(kept, np.int64)


SAME_PLACE = 0.95
"""Intersection over union from which two boxes are the same one, told by different files."""


def overlaps(first: Floats, second: Floats) -> Floats:
    """Intersection over union of boxes (left, top, right, bottom): float32, first × second."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    ratio: Floats = (shared / np.maximum(union, np.float32(1e-9))).astype(np.float32)
    return ratio


def matched(promised: Found, found: Found, least: float = SAME_PLACE) -> NDArray[np.int64]:
    """For each promised object the place of the found one that is it, or -1.

    It is of the same class, overlaps by ``least`` and is no other's, the surest being served
    first. Returns int64, promised objects.
    """
    overlap = overlaps(promised.boxes, found.boxes)
    overlap[promised.classes[:, None] != found.classes[None]] = 0
    places = np.full(len(promised.scores), -1, np.int64)
    if not overlap.size:
        return places
    for row, each in enumerate(overlap):
        best = int(np.argmax(each))
        if each[best] >= least:
            places[row] = best
            overlap[:, best] = 0
    return places


class PixelDecision(Config):
    """How the logits of a segmenter become the class of each pixel of a picture.

    They are scaled to the picture that was sent; the highest wins, or with a positive class what
    is at least as probable as the threshold.
    """

    stride: int = Field(gt=0)
    """Pixels of the input, in height and width, that one place of the logits stands for."""

    scaling: Literal["bilinear"] = "bilinear"
    """How logits are brought to the size of the picture."""


Region = tuple[float, float, float, float]
"""Left, top, right and bottom of a picture in what the model saw of it."""

_STRIP_PIXELS = 1 << 22  # that are decided at once: bounds what a large picture takes in memory


def classify_pixels(
    logits: Floats, region: Region, size: Size, *, positive: int | None, threshold: float
) -> ClassMap:
    """The class of each pixel of a picture: uint8, height × width of ``size``.

    Args:
        logits: float32, classes × rows × columns.
        region: where the picture is in them, in rows and columns.
        size: of the upright picture.
        positive: of two classes the one that is decided from ``threshold`` on; None takes the
            most probable class.
        threshold: a probability, 0 to 1.
    """
    height, width = size
    decided: ClassMap = np.zeros((height, width), np.uint8)
    left, top, right, bottom = region
    rows = max(1, _STRIP_PIXELS // width)
    for first in range(0, height, rows):
        last = min(height, first + rows)
        upper, lower = (top + (bottom - top) * edge / height for edge in (first, last))
        strip = (left, upper, right, lower), Size(last - first, width)
        if positive is None:
            decided[first:last] = _highest(logits, *strip)
        else:
            margin = _scaled(logits[positive] - logits[1 - positive], *strip)
            sure = margin >= np.float32(_logit(threshold))
            decided[first:last] = np.where(sure, positive, 1 - positive)
    return decided


def painted(masks: Mapping[str, Rle], labels: Sequence[str], size: Size) -> ClassMap:
    """Masks of classes that do not overlap as the class of each pixel: uint8, height × width.

    Where none is it is 0, the first of ``labels``. Raises ``MaskError`` for one of another size.
    """
    classes: ClassMap = np.zeros(size, np.uint8)
    for label, rle in masks.items():
        if (rle.height, rle.width) != size:
            raise MaskError(f"a mask of {rle.width} × {rle.height} pixels for another picture")
        classes[decode_runs(rle)] = labels.index(label)
    return classes


def pixel_confidence(logits: Floats, region: Region) -> float:
    """How probable the most probable class is: mean over the places that the picture covers."""
    left, top, right, bottom = region
    rows = slice(math.floor(top), max(math.ceil(bottom), math.floor(top) + 1))
    columns = slice(math.floor(left), max(math.ceil(right), math.floor(left) + 1))
    seen = logits[:, rows, columns]
    highest = seen.max(axis=0)
    return float(np.mean(1 / np.exp(seen - highest).sum(axis=0)))


def _highest(logits: Floats, region: Region, size: Size) -> ClassMap:
    best = _scaled(logits[0], region, size)
    decided: ClassMap = np.zeros(size, np.uint8)
    for place, plane in enumerate(logits[1:], start=1):
        scaled = _scaled(plane, region, size)
        higher = scaled > best
        decided[higher] = place
        np.maximum(best, scaled, out=best)
    return decided


def _scaled(plane: Floats, region: Region, size: Size) -> Floats:
    """A region of a plane, float32, at another height and width."""
    picture = Image.fromarray(np.ascontiguousarray(plane))
    scaled = picture.resize((size.width, size.height), Image.Resampling.BILINEAR, region)
    return np.array(scaled, np.float32)


def _logit(probability: float) -> float:
    if not 0 < probability < 1:
        return math.inf if probability >= 1 else -math.inf
    return math.log(probability / (1 - probability))

"""Random pictures with objects and what a model might find in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from midrib.datasets.masks import encode_mask
from midrib.metrics import FoundObjects, TrueObjects
from midrib.records import Rle

SIDE = 200


def draw_objects(
    seed: int, *, pictures: int, classes: int, crowds: bool = True, masks: bool = False
) -> tuple[list[TrueObjects], list[FoundObjects]]:
    """Truth and answers: some found well, some badly, twice, under another name, or nowhere."""
    random = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(pictures):
        boxes = _boxes(random, int(random.integers(0, 7)))
        named = random.integers(0, classes, len(boxes))
        crowd = (random.random(len(boxes)) < 0.2) & crowds
        truth.append(TrueObjects(boxes, named, crowd, _masks(boxes) if masks else ()))
        found.append(_answers(random, boxes, named, classes, masks=masks))
    return truth, found


def _answers(
    random: np.random.Generator,
    boxes: NDArray[np.float32],
    named: NDArray[np.int64],
    classes: int,
    *,
    masks: bool,
) -> FoundObjects:
    rows = random.integers(0, len(boxes), random.integers(0, 2 * len(boxes))) if len(boxes) else []
    moved = boxes[rows] + random.normal(0, random.choice([1, 4, 12]), (len(rows), 4))
    stray = _boxes(random, int(random.integers(0, 3)))
    answered = _upright(np.concatenate([moved.astype(np.float32), stray]))
    told = np.concatenate([named[rows], random.integers(0, classes, len(stray))]).astype(np.int64)
    wrong = random.random(len(told)) < 0.2
    told[wrong] = random.integers(0, classes, int(wrong.sum()))
    scores = random.random(len(told)).round(2).astype(np.float32)  # some are equal
    return FoundObjects(answered, scores, told, _masks(answered) if masks else ())


def _boxes(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    corner = random.uniform(0, SIDE - 20, (count, 2))
    sides = random.choice([12, 40, 120], (count, 1)) * random.uniform(0.7, 1.4, (count, 2))
    return _upright(np.concatenate([corner, corner + sides], axis=1).astype(np.float32))


def _upright(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Within the picture, at least a pixel wide and high."""
    low = np.clip(boxes[:, :2], 0, SIDE - 2)
    return np.concatenate([low, np.clip(np.maximum(boxes[:, 2:], low + 1), 0, SIDE)], axis=1)


def _masks(boxes: NDArray[np.float32]) -> tuple[Rle, ...]:
    """Ellipses in the boxes."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return tuple(
        encode_mask(
            ((columns - (left + right) / 2) / (right - left)) ** 2
            + ((rows - (top + bottom) / 2) / (bottom - top)) ** 2
            <= 0.25
        )
        for left, top, right, bottom in boxes.astype(np.float64)
    )

"""What a model told of a picture, drawn into it: objects by how they came out, class maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midrib.datasets.annotations import Annotation
from midrib.datasets.drawing import Legend, draw_objects
from midrib.metrics import FoundObjects, TrueObjects
from midrib.metrics.matching import FREE, match, same_class
from midrib.metrics.objects import Shape, overlaps
from midrib.metrics.segmentation import ClassMap
from midrib.records import Pixels

FOUND, STRAY, MISSED, CROWD = "found", "stray", "missed", "crowd"
OUTCOMES = Legend.of((FOUND, STRAY, MISSED, CROWD))
"""How an object comes out: found rightly, found where there is none, missed; crowds are neither."""

_SAME = 0.5
_TINT = 0.45


def draw_outcomes(
    pixels: Pixels,
    truth: TrueObjects,
    found: FoundObjects,
    *,
    shape: Shape = "boxes",
    size: tuple[int, int] | None = None,
) -> Pixels:
    """A copy of a picture with its objects in the colours of `OUTCOMES`, masks where there are.

    An object is found by what is of its class and overlaps it by half, the best score first.

    Args:
        pixels: uint8, height × width × 3.
        truth: in pixels of the whole picture.
        found: those that count, in the same pixels.
        shape: whether boxes or masks are compared.
        size: height and width of the whole picture, where ``pixels`` are fewer.
    """
    ranked = found.best(len(found))
    overlap = overlaps(ranked, truth, shape)
    matches = match(overlap, same_class(ranked, truth), truth.crowd, _SAME)
    missed = matches.missed(truth)
    true_rows = np.sort(np.append(missed, np.flatnonzero(truth.crowd)))
    true_names = [CROWD if truth.crowd[row] else MISSED for row in true_rows]
    shown = np.flatnonzero(~matches.ignored)
    found_names = [STRAY if matches.taken[row] == FREE else FOUND for row in shown]
    drawn = [*_annotations(truth, true_rows.tolist(), true_names)]
    drawn += _annotations(ranked, shown.tolist(), found_names)
    return draw_objects(pixels, drawn, OUTCOMES, size=size, named=False)


def draw_class_map(
    pixels: Pixels, classes: ClassMap, labels: Sequence[str], *, plain: str = ""
) -> Pixels:
    """A copy of a picture, each pixel tinted in the colour of its class.

    Args:
        pixels: uint8, height × width × 3.
        classes: integers, height × width; those beyond ``labels`` are not tinted.
        labels: the classes, by their index.
        plain: the class that is left as it is, such as the background.
    """
    legend = Legend.of(labels)
    colours = np.array([legend.colour(label) for label in labels], np.float32)
    tinted = classes < len(labels)
    if plain in labels:
        tinted &= classes != list(labels).index(plain)
    drawn = pixels.copy()
    mixed = pixels[tinted] * (1 - _TINT) + colours[classes[tinted]] * _TINT
    drawn[tinted] = np.round(mixed).astype(np.uint8)
    return drawn


def _annotations(
    objects: TrueObjects | FoundObjects, rows: Sequence[int], names: Sequence[str]
) -> list[Annotation]:
    boxes = objects.xyxy.astype(np.float64).tolist()
    masks = objects.masks or (None,) * len(objects)
    return [
        Annotation(
            name, (boxes[row][0], boxes[row][1], boxes[row][2], boxes[row][3]), mask=masks[row]
        )
        for row, name in zip(rows, names, strict=True)
    ]

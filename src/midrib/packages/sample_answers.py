"""What the lab answered for a package's samples, as JSON and back; what is read is checked."""

from __future__ import annotations

from typing import cast

import numpy as np

from midrib.errors import PackageError
from midrib.packages.card import Card
from midrib.records import Found, Rle
from midrib.run_lengths import MaskError, runs_of

SampleAnswer = list[float] | list[list[float]] | dict[str, Rle] | Found
"""Probabilities in the order of the labels; of a detector a row an object: left, top, right and
bottom in pixels of the upright picture, score, and place of the class among the labels, or where
it draws masks the objects themselves; of a segmenter the mask of each class that the picture
shows, but for background."""

ANSWERS_FILE = "answers.json"
_OBJECT_NUMBERS = 6
_OBJECTS, _MASKS = "objects", "masks"


def plain(answer: SampleAnswer) -> object:
    """JSON-ready."""
    if isinstance(answer, Found):
        masks = [mask.as_record() for mask in answer.masks]
        return {_OBJECTS: rows_of(answer), _MASKS: masks}
    if isinstance(answer, dict):
        return {label: mask.as_record() for label, mask in answer.items()}
    return answer


def rows_of(found: Found) -> list[list[float]]:
    """A row an object, as `SampleAnswer` has them."""
    each = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True)
    return [[*box, score, float(place)] for box, score, place in each]


def objects_of_rows(rows: list[list[float]], masks: tuple[Rle, ...] = ()) -> Found:
    """What `rows_of` gives, as objects again."""
    table = np.array(rows, np.float32).reshape(-1, _OBJECT_NUMBERS)
    return Found(table[:, :4], table[:, 4], table[:, 5].astype(np.int64), masks)


def read_answer(card: Card, name: str, answer: object) -> SampleAnswer:
    """The answer for the sample called ``name``. Raises ``PackageError`` for what is none."""
    if card.task == "segmentation":
        return _masks_by_label(card, name, answer)
    if card.masks is not None:
        return _drawn_objects(card, name, answer)
    if card.task == "detection":
        return _objects(card, name, answer)
    classes = len(card.labels)
    return _numbers(name, answer, classes, f"{classes} probabilities, one a label")


def _objects(card: Card, name: str, answer: object) -> list[list[float]]:
    expected = "a list of objects: box, score and place of the class"
    if not isinstance(answer, list):
        raise _not_held(f"holds a {type(answer).__name__}", name, expected)
    rows = [_numbers(name, row, _OBJECT_NUMBERS, expected) for row in answer]
    for row in rows:
        if row[-1] not in range(len(card.labels)):
            raise _not_held(f"holds an object of class {row[-1]:g}", name, expected)
    return rows


def _drawn_objects(card: Card, name: str, answer: object) -> Found:
    expected = f"'{_OBJECTS}' and as many '{_MASKS}'"
    if not isinstance(answer, dict) or not isinstance(answer.get(_MASKS), list):
        raise _not_held("holds no objects with masks", name, expected)
    rows = _objects(card, name, answer.get(_OBJECTS))
    if len(rows) != len(answer[_MASKS]):
        raise _not_held(f"holds {len(answer[_MASKS])} masks of {len(rows)}", name, expected)
    return objects_of_rows(rows, tuple(_mask(name, mask, expected) for mask in answer[_MASKS]))


def _masks_by_label(card: Card, name: str, answer: object) -> dict[str, Rle]:
    expected = "a mask of run lengths for each class, by its label"
    if not isinstance(answer, dict) or not answer.keys() <= set(card.labels):
        raise _not_held("holds no masks of the card's classes", name, expected)
    return {label: _mask(name, mask, expected) for label, mask in answer.items()}


def _mask(name: str, told: object, expected: str) -> Rle:
    try:
        mask = Rle.of(cast("dict[str, object]", told))
        runs_of(mask)
    except (KeyError, TypeError, ValueError, MaskError) as problem:
        raise _not_held(f"holds a mask that is none ({problem})", name, expected) from None
    return mask


def _numbers(name: str, answer: object, count: int, expected: str) -> list[float]:
    if not isinstance(answer, list) or not all(isinstance(each, int | float) for each in answer):
        raise _not_held("holds no list of numbers", name, expected)
    if len(answer) != count:
        raise _not_held(f"holds {len(answer)} numbers", name, expected)
    return answer


def _not_held(what: str, name: str, expected: str) -> PackageError:
    return PackageError(
        f"{ANSWERS_FILE} {what} for {name}",
        expected=expected,
        todo="get the package again from where it came",
    )

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from drawn_objects import draw_objects
from hypothesis import given, settings
from hypothesis import strategies as st

from midrib.metrics import (
    FoundObjects,
    TrueObjects,
    detection_confusion,
    detection_scores,
    error_kinds,
)

LABELS = ("crown", "shrub", "trunk")
Placed = tuple[list[int], int]
Told = tuple[list[int], int, float]

ONE = [10, 10, 50, 50]
ANOTHER = [100, 100, 140, 140]
NEAR_ONE = [10, 30, 50, 70]  # an overlap of a third
NOWHERE = [150, 10, 180, 40]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), pictures=st.integers(1, 10))
def test_right_answers_are_those_of_coco(seed: int, pictures: int) -> None:
    """AP50 from which errors take their costs is COCO's, crowds or none."""
    truth, found = draw_objects(seed, pictures=pictures, classes=3)
    told = error_kinds(truth, found, 3).ap50
    assert told == pytest.approx(detection_scores(truth, found, LABELS).ap50, nan_ok=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), shape=st.sampled_from(["boxes", "masks"]))
def test_every_answer_and_every_object_is_told_once(seed: int, shape: str) -> None:
    """The confusion matrix has every object in its row and every answer in its column."""
    truth, found = draw_objects(seed, pictures=4, classes=3, crowds=False, masks=True)
    matrix = detection_confusion(truth, found, 3, least_score=0.3, shape=shape)
    objects = np.bincount(np.concatenate([each.classes for each in truth]), minlength=3)
    answers = np.concatenate([each.classes[each.scores >= np.float32(0.3)] for each in found])
    assert matrix[:-1].sum(axis=1).tolist() == objects.tolist()
    assert matrix[:, :-1].sum(axis=0).tolist() == np.bincount(answers, minlength=3).tolist()
    assert matrix[-1, -1] == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((ONE, 1, 0.9), "misnamed"),
        ((NEAR_ONE, 0, 0.9), "misplaced"),
        ((NEAR_ONE, 1, 0.9), "both"),
        ((NOWHERE, 0, 0.9), "background"),
    ],
)
def test_each_kind_of_error_is_told(answer: Told, kind: str) -> None:
    """An answer that is wrong in one way is counted as that kind, and mending it pays."""
    truth = _true([(ONE, 0), (ANOTHER, 0)])
    errors = error_kinds([truth], [_found([answer, (ANOTHER, 0, 0.5)])], 2)
    reached = kind in {"misnamed", "misplaced"}
    assert errors.counts[kind] == 1
    assert errors.counts["missed"] == (0 if reached else 1)
    assert sum(errors.counts.values()) == (1 if reached else 2)
    others = {"missed"} if not reached else set()
    assert all(
        cost > 0 if told in others | {kind} and kind != "both" else cost >= 0
        for told, cost in errors.costs.items()
    )


def test_mending_what_reaches_an_object_finds_it() -> None:
    """A misplaced and a misnamed answer, once mended, are right: AP50 becomes 1."""
    truth = _true([(ONE, 0)])
    for answer in ((NEAR_ONE, 0, 0.9), (ONE, 1, 0.9)):
        errors = error_kinds([truth], [_found([answer])], 2)
        assert errors.ap50 == 0
        assert max(errors.costs.values()) == 1


def test_a_second_answer_to_an_object_is_a_duplicate() -> None:
    """Of two answers at one object the better stands, the other is told as duplicated."""
    truth = _true([(ONE, 0), (ANOTHER, 0)])
    found = _found([(ONE, 0, 0.9), (ONE, 0, 0.8), (ANOTHER, 0, 0.7)])
    errors = error_kinds([truth], [found], 1)
    assert errors.counts["duplicated"] == 1
    assert errors.ap50 + errors.costs["duplicated"] == pytest.approx(1)
    assert sum(errors.costs.values()) == pytest.approx(errors.costs["duplicated"])


def test_what_nobody_found_costs_all_of_it() -> None:
    """Without any answer every object is missed, and only that costs."""
    errors = error_kinds([_true([(ONE, 0), (ANOTHER, 1)])], [_found([])], 2)
    assert (errors.ap50, errors.counts["missed"], errors.costs["missed"]) == (0, 2, 1)
    assert sum(errors.costs.values()) == 1


def test_what_is_taken_for_what_is_counted() -> None:
    """An object of another class, background, a missed object and what lies in a crowd."""
    truth = TrueObjects(
        np.array([ONE, ANOTHER, [0, 150, 60, 190], [150, 150, 199, 199]], np.float32),
        np.array([0, 1, 2, 2]),
        np.array([False, False, False, True]),
    )
    found = _found(
        [(ONE, 0, 0.9), (ANOTHER, 2, 0.8), (NOWHERE, 1, 0.7), ([160, 160, 180, 180], 2, 0.9)]
    )
    matrix = detection_confusion([truth], [found], 3, least_score=0.5)
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]
    nothing = detection_confusion([truth], [found], 3, least_score=0.95)
    assert nothing.tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_an_object_goes_to_its_own_class_first() -> None:
    """A worse answer of the right class keeps its object from a better one of another."""
    found = _found([(ONE, 1, 0.9), (ONE, 0, 0.4)])
    matrix = detection_confusion([_true([(ONE, 0)])], [found], 2, least_score=0.3)
    assert matrix.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def _true(placed: Sequence[Placed]) -> TrueObjects:
    boxes = np.array([box for box, _ in placed], np.float32).reshape(-1, 4)
    named = np.array([label for _, label in placed], np.int64)
    return TrueObjects(boxes, named, np.zeros(len(named), np.bool_))


def _found(told: Sequence[Told]) -> FoundObjects:
    boxes = np.array([box for box, _, _ in told], np.float32).reshape(-1, 4)
    scores = np.array([score for _, _, score in told], np.float32)
    return FoundObjects(boxes, scores, np.array([label for _, label, _ in told], np.int64))

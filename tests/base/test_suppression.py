from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn
from torchvision.ops import batched_nms, box_iou

from midrib.postprocessing import Suppression, matched, overlaps, suppress

ALL = Suppression(least_score=0.1, most_candidates=10_000, most_objects=10_000)
_CLASSES = 3


def boxes_of(corners: np.ndarray) -> np.ndarray:
    low, sides = corners[:, :2], corners[:, 2:] + 1
    return np.concatenate([low, low + sides], axis=1).astype(np.float32)


@st.composite
def candidates(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Boxes on whole pixels and scores that all differ, so that every order is certain."""
    count = draw(st.integers(0, 12))
    corners = draw(drawn.arrays(np.int64, (count, 4), elements=st.integers(0, 12)))
    ranks = draw(st.permutations(range(count * _CLASSES)))
    scores = (np.array(ranks, np.float32).reshape(count, _CLASSES) + 1) / (count * _CLASSES + 1)
    return boxes_of(corners), scores


@given(candidates(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_suppression_keeps_what_torchvision_keeps(
    given_: tuple[np.ndarray, np.ndarray], overlap: float
) -> None:
    """Boxes, scores and classes are those of torchvision's class-wise suppression, in its order."""
    boxes, scores = given_
    found = suppress(boxes, scores, ALL.model_copy(update={"most_overlap": overlap}))
    rows, classes = np.nonzero(scores >= np.float32(0.1))
    flat = torch.from_numpy(boxes[rows]), torch.from_numpy(scores[rows, classes])
    kept = batched_nms(*flat, torch.from_numpy(classes), overlap).numpy()
    np.testing.assert_array_equal(found.scores, flat[1].numpy()[kept])
    np.testing.assert_array_equal(found.classes, classes[kept])
    np.testing.assert_array_equal(found.boxes, boxes[rows][kept])


@given(candidates(), candidates())
def test_overlaps_are_torchvisions(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> None:
    """Intersection over union of every pair is what torchvision computes."""
    expected = box_iou(torch.from_numpy(first[0]), torch.from_numpy(second[0])).numpy()
    np.testing.assert_allclose(overlaps(first[0], second[0]), expected, atol=1e-6)


def test_boxes_without_area_are_no_objects() -> None:
    """A box that decoding turned inside out is left out, however sure it is."""
    boxes = np.array([[5, 5, 5, 9], [9, 9, 3, 3], [0, 0, 4, 4]], np.float32)
    found = suppress(boxes, np.array([[0.9], [0.8], [0.7]], np.float32), ALL)
    assert found.boxes.tolist() == [[0, 0, 4, 4]]


def test_bounds_hold() -> None:
    """Only so many candidates are looked at and so many objects answered, the surest first."""
    boxes = boxes_of(np.array([[20 * place, 0, 5, 5] for place in range(8)]))
    scores = np.linspace(0.9, 0.2, 8, dtype=np.float32)[:, None]
    few = suppress(boxes, scores, Suppression(most_objects=3))
    assert few.scores.tolist() == scores[:3, 0].tolist()
    assert len(suppress(boxes, scores, Suppression(most_candidates=5)).scores) == 5
    assert len(few.from_score(0.85).scores) == 1


@given(candidates())
def test_objects_match_themselves(given_: tuple[np.ndarray, np.ndarray]) -> None:
    """What suppression leaves is found again in any order, and nothing in another class."""
    found = suppress(*given_, ALL)
    turned = found.only(np.arange(len(found.scores))[::-1])
    places = matched(found, turned)
    assert (places >= 0).all()
    np.testing.assert_array_equal(turned.boxes[places], found.boxes)
    assert (matched(found, turned._replace(classes=turned.classes + 9)) < 0).all()

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from drawn_objects import draw_objects
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from midrib.errors import DataError
from midrib.metrics import (
    FoundObjects,
    TrueObjects,
    detection_scores,
    scores_by_slice,
    slices_by_rank,
)
from midrib.metrics.objects import ANY_CLASS, Shape, overlaps

LABELS = ("crown", "shrub", "trunk")
_NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar", "ar_small", "ar_medium", "ar_large"),
)


def _by_pycocotools(
    truth: Sequence[TrueObjects], found: Sequence[FoundObjects], shape: Shape
) -> dict[str, float]:
    """The twelve numbers of its summary; nan for -1."""
    given: list[dict[str, Any]] = []
    answered: list[dict[str, Any]] = []
    for image, (objects, answers) in enumerate(zip(truth, found, strict=True), start=1):
        for place in range(len(objects)):
            row = _row(objects, place, image, shape)
            given.append({**row, "iscrowd": int(objects.crowd[place]), "id": len(given) + 1})
        for place in range(len(answers)):
            row = _row(answers, place, image, shape)
            answered.append({**row, "score": float(answers.scores[place]), "id": len(answered) + 1})
    images = [{"id": place + 1, "height": 200, "width": 200} for place in range(len(truth))]
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(LABELS)]
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = []
        for rows in (given, answered):
            loaded.append(COCO())
            loaded[-1].dataset = {
                "images": images,
                "annotations": [{"iscrowd": 0, **row} for row in rows],
                "categories": categories,
            }
            loaded[-1].createIndex()
        evaluation = COCOeval(*loaded, "bbox" if shape == "boxes" else "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    told = zip(_NAMES, evaluation.stats.tolist(), strict=True)
    return {name: math.nan if value == -1 else value for name, value in told}


def _row(
    objects: TrueObjects | FoundObjects, place: int, image: int, shape: Shape
) -> dict[str, Any]:
    left, top, right, bottom = objects.xyxy[place].astype(np.float64).tolist()
    row = {
        "image_id": image,
        "category_id": int(objects.classes[place]) + 1,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
    }
    if shape == "masks":
        mask = objects.masks[place]
        row["segmentation"] = {"size": [mask.height, mask.width], "counts": mask.counts}
        row["area"] = float(
            coco_masks.area({**row["segmentation"], "counts": mask.counts.encode()})
        )
    return row


@pytest.mark.parametrize("shape", ["boxes", "masks"])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), pictures=st.integers(1, 12))
def test_scores_are_those_of_pycocotools(shape: Shape, seed: int, pictures: int) -> None:
    """All twelve numbers of COCO, of boxes and of masks, with crowds, are those of its own code."""
    truth, found = draw_objects(seed, pictures=pictures, classes=3, masks=shape == "masks")
    scores = detection_scores(truth, found, LABELS, shape=shape).as_record()
    for name, value in _by_pycocotools(truth, found, shape).items():
        assert scores[name] == pytest.approx(value, abs=5e-5, nan_ok=True), name


def test_scores_of_each_class_make_those_of_all() -> None:
    """A class's numbers are those of a set with only it, and their mean is the set's number."""
    truth, found = draw_objects(3, pictures=30, classes=3)
    scores = detection_scores(truth, found, LABELS)
    for name in ("ap", "ap50", "ap75", "ar"):
        each = [getattr(one, name) for one in scores.by_class.values()]
        assert np.mean(each) == pytest.approx(scores.as_record()[name])
    alone = detection_scores(*_only(truth, found, 1), LABELS)
    assert alone.ap == pytest.approx(scores.by_class["shrub"].ap)
    assert alone.objects == scores.by_class["shrub"].objects
    assert scores.objects == sum(one.objects for one in scores.by_class.values())
    assert all(np.diff(one.curve.y).max() <= 0 for one in scores.by_class.values())
    assert scores.by_class["shrub"].curve.y.mean() == pytest.approx(scores.by_class["shrub"].ap50)


def test_what_is_found_where_nothing_is_known_counts_neither_way() -> None:
    """A region of any class takes what is found in it; without it the same answers cost."""
    truth, found = (
        _one_found_well(),
        _found([[10, 10, 50, 50], [102, 102, 140, 140]], [0.6, 0.9], 0),
    )
    assert detection_scores([truth], [found], LABELS).ap50 == pytest.approx(0.5)
    region = TrueObjects(
        np.array([[10, 10, 50, 50], [100, 100, 150, 150]], np.float32),
        np.array([0, ANY_CLASS]),
        np.array([False, True]),
    )
    assert detection_scores([region], [found], LABELS).ap50 == 1
    assert detection_scores([region], [found], LABELS).objects == 1


def test_pictures_without_objects_count() -> None:
    """What is found in an empty picture lowers precision; no picture and no object give nan."""
    truth, good = _one_found_well(), _found([[10, 10, 50, 50]], [0.6], 0)
    nothing, stray = _true([], 0), _found([[5, 5, 9, 9]], [0.9], 0)
    assert detection_scores([truth, nothing], [good, _found([], [], 0)], LABELS).ap == 1
    assert detection_scores([truth, nothing], [good, stray], LABELS).ap == pytest.approx(0.5)
    assert math.isnan(detection_scores([nothing], [stray], LABELS).ap)
    assert math.isnan(detection_scores([], [], LABELS).ap)
    assert detection_scores([truth], [_found([], [], 0)], LABELS).ap == 0


def test_more_than_a_hundred_count_where_asked() -> None:
    """A picture of 150 objects, all found, has a recall of two thirds unless 150 may count."""
    grid = [[x, y, x + 8, y + 8] for x in range(0, 150, 10) for y in range(0, 100, 10)]
    truth, found = _true(grid, 0), _found(grid, np.linspace(0.2, 0.9, 150), 0)
    assert detection_scores([truth], [found], LABELS).ar == pytest.approx(100 / 150)
    assert detection_scores([truth], [found], LABELS, most=150).ar == 1


def test_slices_are_scored_alone() -> None:
    """Each slice has the scores of its own pictures; a picture without a slice is left out."""
    truth, found = draw_objects(5, pictures=12, classes=3)
    told = ["dark"] * 4 + ["bright"] * 6 + [""] * 2
    scored = scores_by_slice(truth, found, LABELS, told)
    assert list(scored) == ["bright", "dark"]
    alone = detection_scores(truth[:4], found[:4], LABELS)
    assert scored["dark"].as_record() == pytest.approx(alone.as_record(), nan_ok=True)
    assert scored["bright"].pictures == 6


@given(st.lists(st.one_of(st.floats(0, 255), st.just(math.nan)), max_size=40))
def test_slices_by_rank_follow_the_numbers(values: list[float]) -> None:
    """A higher number is never in a lower slice, equal ones share one, unknown ones have none."""
    order = {"low": 0, "middle": 1, "high": 2}
    told = slices_by_rank(np.array(values, np.float64))
    assert [name == "" for name in told] == [math.isnan(value) for value in values]
    ranked = sorted((value, order[name]) for value, name in zip(values, told, strict=True) if name)
    assert [place for _, place in ranked] == sorted(place for _, place in ranked)
    assert len({value for value, _ in ranked}) == len(set(ranked))


def test_boxes_overlap_as_pycocotools_has_it() -> None:
    """Intersection over union of boxes, with crowds, is that of COCO's own code."""
    for truth, found in zip(*draw_objects(7, pictures=40, classes=3), strict=True):
        if len(truth) and len(found):
            pair = [_wide(found.xyxy), _wide(truth.xyxy)]
            told = coco_masks.iou(*pair, truth.crowd.astype(np.uint8).tolist())
            assert overlaps(found, truth) == pytest.approx(told, abs=1e-9)


def test_records_that_do_not_fit_are_refused() -> None:
    """Lengths, classes, counts of pictures and masks that do not fit are told, not scored."""
    truth, found = _one_found_well(), _found([[10, 10, 50, 50]], [0.6], 0)
    with pytest.raises(DataError, match="answers for 2 pictures of 1"):
        detection_scores([truth], [found, found], LABELS)
    with pytest.raises(DataError, match="class 7 of 3"):
        detection_scores([truth], [_found([[0, 0, 1, 1]], [0.5], 7)], LABELS)
    with pytest.raises(DataError, match="without masks"):
        detection_scores([truth], [found], LABELS, shape="masks")
    with pytest.raises(DataError, match="1 classes for boxes of shape"):
        TrueObjects(np.zeros((2, 4), np.float32), np.zeros(1, np.int64), np.zeros(1, np.bool_))
    with pytest.raises(DataError, match="is no crowd"):
        TrueObjects(np.zeros((1, 4), np.float32), np.array([ANY_CLASS]), np.zeros(1, np.bool_))
    with pytest.raises(DataError, match="of class -1"):
        _found([[0, 0, 1, 1]], [0.5], -1)
    (masked,), _ = draw_objects(1, pictures=1, classes=3, masks=True)
    other = masked.masks[0].__class__(10, 10, "PS3")
    stray = FoundObjects(masked.xyxy[:1], np.ones(1, np.float32), np.zeros(1, np.int64), (other,))
    with pytest.raises(DataError, match="different sizes"):
        overlaps(stray, masked, "masks")


def _wide(xyxy: np.ndarray) -> np.ndarray:
    wide = xyxy.astype(np.float64)
    wide[:, 2:] -= wide[:, :2]
    return wide


def _one_found_well() -> TrueObjects:
    return _true([[10, 10, 50, 50]], 0)


def _true(boxes: list[list[int]], label: int) -> TrueObjects:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return TrueObjects(xyxy, np.full(len(xyxy), label), np.zeros(len(xyxy), np.bool_))


def _found(boxes: list[list[int]], scores: Any, label: int) -> FoundObjects:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return FoundObjects(xyxy, np.array(scores, np.float32), np.full(len(xyxy), label))


def _only(
    truth: Sequence[TrueObjects], found: Sequence[FoundObjects], label: int
) -> tuple[list[TrueObjects], list[FoundObjects]]:
    return (
        [
            TrueObjects(each.xyxy[rows], each.classes[rows], each.crowd[rows])
            for each in truth
            for rows in [each.classes == label]
        ],
        [each.only(np.flatnonzero(each.classes == label)) for each in found],
    )

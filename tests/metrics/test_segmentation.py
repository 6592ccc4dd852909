from __future__ import annotations

import math
from functools import reduce
from operator import add

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

from midrib.errors import DataError
from midrib.metrics import (
    InstanceMap,
    PanopticCounts,
    SegmentationCounts,
    panoptic_counts,
    panoptic_scores,
    segmentation_counts,
    segmentation_scores,
)
from midrib.metrics.boundaries import boundary_pixels, rim
from midrib.metrics.panoptic import VOID
from midrib.metrics.segmentation import IGNORED

LABELS = ("ground", "nucleus", "rim")
_SEEDS = st.integers(0, 2**32)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=_SEEDS, pictures=st.integers(1, 4))
def test_scores_are_those_of_all_pixels_together(seed: int, pictures: int) -> None:
    """Summed picture by picture the numbers are scikit-learn's over all known pixels at once."""
    random = np.random.default_rng(seed)
    truth = [_blobs(random, unknown=True) for _ in range(pictures)]
    decided = [_blobs(random) for _ in range(pictures)]
    scores = segmentation_scores(_counted(truth, decided), LABELS)
    true, told = np.concatenate([each.ravel() for each in truth]), np.concatenate(decided).ravel()
    known = true != IGNORED
    true, told = true[known], told[known]
    present = np.union1d(true, told)
    for place, label in enumerate(LABELS):
        one = scores.by_class[label]
        if place in present:
            iou = jaccard_score(true == place, told == place)
            assert one.iou == pytest.approx(iou)
            assert one.dice == pytest.approx(f1_score(true == place, told == place))
        assert one.pixels == int((true == place).sum())
    assert scores.miou == pytest.approx(jaccard_score(true, told, average="macro", labels=present))
    assert scores.accuracy == pytest.approx(accuracy_score(true, told))
    assert scores.pictures == pictures


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=_SEEDS, pixels=st.integers(1, 6))
def test_a_rim_is_what_erosion_takes_away(seed: int, pixels: int) -> None:
    """The rim of a mask is the mask without its erosion, as the paper's own code has it."""
    mask = _blobs(np.random.default_rng(seed)) == 1
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=pixels)[1:-1, 1:-1]
    assert np.array_equal(rim(mask, pixels), mask & (eroded == 0))


def test_boundary_iou_sees_what_iou_does_not() -> None:
    """A large square that is one pixel off loses far more at its boundary than over its area."""
    truth, decided = np.zeros((200, 200), np.uint8), np.zeros((200, 200), np.uint8)
    truth[20:180, 20:180], decided[22:182, 22:182] = 1, 1
    scores = segmentation_scores(segmentation_counts(truth, decided, 2), LABELS[:2])
    one = scores.by_class["nucleus"]
    reach = boundary_pixels(200, 200)
    side, inner = 160, 160 - 2 * reach
    a, b = rim(truth == 1, reach), rim(decided == 1, reach)
    assert a.sum() == b.sum() == side**2 - inner**2
    assert one.boundary_iou == pytest.approx((a & b).sum() / (a | b).sum())
    assert one.boundary_iou < one.iou - 0.2
    same = segmentation_scores(segmentation_counts(truth, truth, 2), LABELS[:2])
    assert (same.boundary_iou, same.miou, same.dice, same.accuracy) == (1, 1, 1, 1)


def test_what_is_unknown_changes_nothing() -> None:
    """Whatever is decided where the truth is unknown, the counts are the same, rims included."""
    random = np.random.default_rng(4)
    truth, decided = _blobs(random, unknown=True), _blobs(random)
    other = np.where(truth == IGNORED, (decided + 1) % 3, decided)
    one, two = (segmentation_counts(truth, each, 3) for each in (decided, other))
    assert np.array_equal(one.matrix, two.matrix)
    assert np.array_equal(one.rim_shared, two.rim_shared)
    assert np.array_equal(one.rim_united, two.rim_united)


def test_a_class_that_is_nowhere_counts_for_nothing() -> None:
    """A class neither true nor decided is nan and left out of the mean; no pixel gives nan."""
    truth = np.array([[0, 1]])
    scores = segmentation_scores(segmentation_counts(truth, truth, 3), LABELS)
    assert math.isnan(scores.by_class["rim"].iou)
    assert scores.miou == 1
    nothing = segmentation_scores(SegmentationCounts.none(3), LABELS)
    assert all(math.isnan(value) for key, value in nothing.as_record().items() if key != "pictures")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=_SEEDS, pictures=st.integers(1, 3))
def test_panoptic_quality_is_that_of_its_definition(seed: int, pictures: int) -> None:
    """Pairs of masks that overlap by more than half, compared one by one, give the same counts."""
    random = np.random.default_rng(seed)
    pairs = [_instances(random) for _ in range(pictures)]
    counts = reduce(add, (panoptic_counts(*pair, 2) for pair in pairs), PanopticCounts.none(2))
    scores = panoptic_scores(counts, LABELS[:2])
    told = [_by_definition(pairs, label) for label in range(2)]
    for label, quality in zip(LABELS, told, strict=False):
        assert scores.by_class[label].pq == pytest.approx(quality, nan_ok=True)
    assert scores.all.pq == pytest.approx(
        np.nanmean(told) if not np.isnan(told).all() else math.nan, nan_ok=True
    )
    for one in scores.by_class.values():
        if not math.isnan(one.sq):
            assert one.pq == pytest.approx(one.sq * one.rq)


def test_maps_that_do_not_fit_are_refused() -> None:
    """Different sizes, classes beyond the labels and instances without a class are told."""
    small, large = np.zeros((2, 2), np.int32), np.zeros((3, 2), np.int32)
    with pytest.raises(DataError, match=r"shape \(3, 2\) for one of \(2, 2\)"):
        segmentation_counts(small, large, 2)
    with pytest.raises(DataError, match="a pixel of class 3"):
        segmentation_counts(small, np.full((2, 2), 3), 2)
    none = np.zeros(0, np.int64)
    with pytest.raises(DataError, match=r"of \(3, 2\) for one of \(2, 2\)"):
        panoptic_counts(InstanceMap(small, none), InstanceMap(large, none), 1)
    with pytest.raises(DataError, match="numbered from 1 to 1"):
        InstanceMap(np.ones((2, 2), np.int32), none)
    one = InstanceMap(np.ones((2, 2), np.int32), np.array([4]))
    with pytest.raises(DataError, match="an instance of class 4"):
        panoptic_counts(one, one, 2)


def _counted(truth: list[np.ndarray], decided: list[np.ndarray]) -> SegmentationCounts:
    each = (segmentation_counts(*pair, 3) for pair in zip(truth, decided, strict=True))
    return reduce(add, each, SegmentationCounts.none(3))


def _blobs(random: np.random.Generator, *, unknown: bool = False) -> np.ndarray:
    """A map of 40 × 60 pixels with rectangles of three classes, and unknown ones where asked."""
    drawn = np.zeros((40, 60), np.uint8)
    for value in [1, 2, 0, 1, *([IGNORED] if unknown else [])]:
        top, left = random.integers(0, 30), random.integers(0, 50)
        drawn[top : top + random.integers(1, 25), left : left + random.integers(1, 30)] = value
    return drawn


def _instances(random: np.random.Generator) -> tuple[InstanceMap, InstanceMap]:
    """Rectangles, and the same ones moved a little, some of another class, some in the unknown."""
    count = int(random.integers(0, 6))
    truth, found = np.zeros((40, 60), np.int32), np.zeros((40, 60), np.int32)
    for place in range(1, count + 1):
        top, left, high, wide = random.integers((0, 0, 4, 4), (30, 50, 16, 16))
        down, across = random.integers(0, 4, 2)
        truth[top : top + high, left : left + wide] = place
        found[top + down : top + down + high, left + across : left + across + wide] = place
    truth[:, : random.integers(0, 12)] = VOID
    named = random.integers(0, 2, count)
    told = np.where(random.random(count) < 0.2, 1 - named, named)
    return InstanceMap(truth, named), InstanceMap(found, told)


def _by_definition(pairs: list[tuple[InstanceMap, InstanceMap]], label: int) -> float:
    """Kirillov et al., equation 1, and section 4.1 for what is unknown."""
    overlap, matched, stray, missed = 0.0, 0, 0, 0
    for truth, found in pairs:
        known = truth.ids != VOID
        there = [truth.ids == place + 1 for place in np.flatnonzero(truth.classes == label)]
        told = [found.ids == place + 1 for place in np.flatnonzero(found.classes == label)]
        there = [mask for mask in there if mask.any()]
        hit: set[int] = set()
        for mask in there:
            values = [(mask & other).sum() / (mask | (other & known)).sum() for other in told]
            best = [place for place, value in enumerate(values) if value > 0.5]
            hit.update(best)
            matched, missed = matched + len(best), missed + (not best)
            overlap += sum(values[place] for place in best)
        stray += sum(
            place not in hit and mask.any() and (mask & ~known).sum() * 2 < mask.sum()
            for place, mask in enumerate(told)
        )
    weight = matched + stray / 2 + missed / 2
    return overlap / weight if weight else math.nan

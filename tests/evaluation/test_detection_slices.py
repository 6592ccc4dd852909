"""Scores of parts of a split tell where a detector is weak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from midrib.evaluation import DetectionEvaluation
from midrib.evaluation.detection_slices import Slice, detection_slices
from midrib.metrics.objects import FoundObjects, TrueObjects

SMALL, LARGE = (0, 0, 20, 20), (50, 50, 190, 190)
NOTHING = np.zeros((0, 4), np.float32)


def evaluated(count: int = 9) -> DetectionEvaluation:
    """Small objects are never found; large ones are, in all but the darkest third."""
    truth, found = [], []
    for place in range(count):
        xyxy = np.array([SMALL, LARGE], np.float32)
        truth.append(TrueObjects(xyxy, np.zeros(2, np.int64), np.zeros(2, np.bool_)))
        seen = xyxy[1:] if place >= count / 3 else NOTHING
        scores = np.full(len(seen), 0.9, np.float32)
        found.append(FoundObjects(seen, scores, np.zeros(len(seen), np.int64)))
    statistics = np.tile(np.linspace(0, 1, count, dtype=np.float32)[:, None], (1, 4))
    return DetectionEvaluation(
        split="test",
        labels=("tree",),
        threshold=0.5,
        paths=tuple(Path(f"{place}.png") for place in range(count)),
        truth=tuple(truth),
        found=tuple(found),
        embedding=np.zeros((count, 3), np.float32),
        statistics=statistics,
        scores=(),
        skipped=(),
        groups=tuple("north" if place % 2 else "south" for place in range(count)),
    )


def told(slices: list[Slice], by: str) -> dict[str, Slice]:
    return {each.name: each for each in slices if each.by == by}


def test_parts_have_scores_of_their_own() -> None:
    """Small objects, dark pictures and each group are scored apart."""
    slices = detection_slices(evaluated())
    sizes = told(slices, "object size")
    assert set(sizes) == {"small", "large"}
    assert (sizes["small"].ap, sizes["small"].objects) == (0, 9)
    assert sizes["large"].ap == pytest.approx(2 / 3, abs=0.01)
    brightness = told(slices, "brightness")
    assert [each.pictures for each in brightness.values()] == [3, 3, 3]
    assert brightness["lowest third"].ap50 == 0
    assert brightness["highest third"].ap50 == pytest.approx(0.5, abs=0.01)
    assert {name: each.pictures for name, each in told(slices, "group").items()} == {
        "north": 4,
        "south": 5,
    }


def test_groups_are_kept_with_an_evaluation(tmp_path: Path) -> None:
    """What was saved is read back with its groups, and tells the same parts."""
    before = evaluated()
    before.save(tmp_path / "kept.safetensors")
    after = DetectionEvaluation.load(tmp_path / "kept.safetensors")
    assert after.groups == before.groups
    assert detection_slices(after) == detection_slices(before)


def test_few_pictures_are_not_cut_into_thirds() -> None:
    """Of a handful of pictures only sizes and groups are told."""
    assert {each.by for each in detection_slices(evaluated(4))} == {"object size", "group"}

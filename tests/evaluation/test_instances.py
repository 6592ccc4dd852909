"""Scores of a detector that draws masks: by masks, and each pixel of one object at most."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from midrib.evaluation import DetectionEvaluation, best_threshold, load_evaluation
from midrib.evaluation.detection_scores import scored
from midrib.evaluation.instances import instance_counts, instance_numbers
from midrib.metrics import FoundObjects, TrueObjects
from midrib.run_lengths import encode_runs

LABELS = ("blue", "red")
SIZE = (40, 60)
Square = tuple[slice, slice]
ONE, OTHER = (slice(4, 20), slice(4, 20)), (slice(10, 30), slice(30, 50))


def masks_of(squares: list[Square]) -> list[np.ndarray]:
    masks = [np.zeros(SIZE, np.bool_) for _ in squares]
    for mask, square in zip(masks, squares, strict=True):
        mask[square] = True
    return masks


def boxes_of(squares: list[Square]) -> np.ndarray:
    rows = [(cols.start, rows.start, cols.stop, rows.stop) for rows, cols in squares]
    return np.array(rows, np.float32).reshape(-1, 4)


def true(squares: list[Square], crowd: tuple[bool, ...] | None = None) -> TrueObjects:
    return TrueObjects(
        boxes_of(squares),
        np.arange(len(squares)) % 2,
        np.array(crowd or [False] * len(squares), np.bool_),
        tuple(map(encode_runs, masks_of(squares))),
    )


def found(squares: list[Square], masks: list[np.ndarray] | None = None) -> FoundObjects:
    return FoundObjects(
        boxes_of(squares),
        np.linspace(0.9, 0.6, len(squares), dtype=np.float32),
        np.arange(len(squares)) % 2,
        tuple(map(encode_runs, masks or masks_of(squares))),
    )


def evaluated(truth: list[TrueObjects], answers: list[FoundObjects]) -> DetectionEvaluation:
    count = len(truth)
    return DetectionEvaluation(
        split="test",
        labels=LABELS,
        threshold=0.5,
        paths=tuple(Path(f"{place}.png") for place in range(count)),
        truth=tuple(truth),
        found=tuple(answers),
        embedding=np.zeros((count, 3), np.float32),
        statistics=np.zeros((count, 4), np.float32),
        scores=(),
        skipped=(),
        with_masks=True,
    )


def numbers(evaluation: DetectionEvaluation) -> dict[str, float]:
    return instance_numbers(instance_counts(evaluation), LABELS)


def test_scores_go_by_masks() -> None:
    """Objects in the right boxes with halves of the masks are found as boxes, not as masks."""
    halves = [mask.copy() for mask in masks_of([ONE, OTHER])]
    for mask in halves:
        mask[:, : int(np.nonzero(mask)[1].mean())] = False
    nothing = true([]), found([])
    evaluation = scored(
        evaluated([true([ONE, OTHER]), nothing[0]], [found([ONE, OTHER], halves), nothing[1]])
    )
    assert evaluation.score("ap50").value == pytest.approx(1)
    assert evaluation.score("mask_ap75").value == 0
    assert evaluation.score("pq").value < 0.6
    assert evaluation.shape == "masks"
    none = [mask & False for mask in halves]
    assert best_threshold(evaluation.truth, [found([ONE, OTHER], none)] * 2, "masks") == 0.5


def test_what_is_right_has_a_quality_of_one(tmp_path: Path) -> None:
    """Also where pictures are empty; and it is kept whole in a file."""
    pair = [ONE, OTHER]
    evaluation = scored(evaluated([true(pair), true([])], [found(pair), found([])]))
    assert numbers(evaluation) == {"pq": 1, "sq": 1, "rq": 1}
    for name in ("mask_ap", "mask_ap50:red", "ap", "pq", "precision", "recall"):
        assert evaluation.score(name).value == pytest.approx(1)
    evaluation.save(tmp_path / "test.safetensors")
    kept = load_evaluation(tmp_path / "test.safetensors")
    assert isinstance(kept, DetectionEvaluation)
    assert kept.with_masks
    assert kept.as_record() == evaluation.as_record()
    assert [each.masks for each in kept.truth] == [each.masks for each in evaluation.truth]
    assert [each.masks for each in kept.found] == [each.masks for each in evaluation.found]
    assert not instance_counts(replace(evaluation, with_masks=False))


def test_a_pixel_is_of_the_surest_object() -> None:
    """A less sure object under a surer one is none where it is covered, and then is stray."""
    doubled = FoundObjects(
        boxes_of([ONE, ONE]),
        np.array([0.9, 0.8], np.float32),
        np.array([0, 0]),
        tuple(map(encode_runs, masks_of([ONE, ONE]))),
    )
    assert numbers(evaluated([true([ONE])], [doubled]))["pq"] == 1
    beside = masks_of([(slice(4, 20), slice(4, 30))])[0]
    wide = replace(doubled, masks=(doubled.masks[0], encode_runs(beside)))
    assert numbers(evaluated([true([ONE])], [wide]))["rq"] == pytest.approx(2 / 3)


def test_what_lies_in_a_crowd_counts_neither_way() -> None:
    """A crowd need not be found, and what is found in it is not stray."""
    truth = true([ONE, OTHER], (False, True))
    assert numbers(evaluated([truth], [found([ONE, OTHER])])) == {"pq": 1, "sq": 1, "rq": 1}
    assert numbers(evaluated([truth], [found([ONE])]))["pq"] == 1

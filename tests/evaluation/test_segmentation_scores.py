from __future__ import annotations

from functools import reduce
from operator import add
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from midrib.errors import UnknownNameError, UsageError
from midrib.evaluation import SegmentationEvaluation, decide_again, load_evaluation, with_leaks
from midrib.evaluation.segmentation_figures import segmentation_figures
from midrib.evaluation.segmentation_gallery import segmented_tiles
from midrib.evaluation.segmentation_records import PixelCounts
from midrib.evaluation.segmentation_scores import iou_of_pictures, scored
from midrib.metrics import segmentation_counts, segmentation_scores
from midrib.packages import Decision
from midrib.records import IGNORED, Size
from midrib.run_lengths import encode_runs

LABELS = ("background", "ball", "box")
SIZE = Size(12, 20)


def _maps(seed: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of truth and answer; some pixels are unknown."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        truth = random.integers(0, 3, SIZE).astype(np.uint8).repeat(1, axis=0)
        truth[: random.integers(0, 6)] = 0
        decided = np.where(random.random(SIZE) < 0.7, truth, random.integers(0, 3, SIZE))
        truth[:, -1] = IGNORED
        pairs.append((truth, decided.astype(np.uint8)))
    return pairs


def _masks(classes: np.ndarray) -> dict[str, object]:
    there = [place for place in (1, 2) if (classes == place).any()]
    return {LABELS[place]: encode_runs(classes == place) for place in there}


def _evaluation(pairs: list[tuple[np.ndarray, np.ndarray]], folder: Path) -> SegmentationEvaluation:
    counts = [segmentation_counts(*pair, len(LABELS)) for pair in pairs]
    return scored(
        SegmentationEvaluation(
            split="test",
            labels=LABELS,
            decision=Decision(),
            paths=tuple(folder / f"{index}.png" for index in range(len(pairs))),
            sizes=(SIZE,) * len(pairs),
            counts=PixelCounts(
                right=np.stack([each.matrix.diagonal() for each in counts]),
                true=np.stack([each.matrix.sum(axis=1) for each in counts]),
                decided=np.stack([each.matrix.sum(axis=0) for each in counts]),
                rim_shared=np.stack([each.rim_shared for each in counts]),
                rim_united=np.stack([each.rim_united for each in counts]),
            ),
            matrix=np.sum([each.matrix for each in counts], axis=0),
            truth=tuple(_masks(truth) for truth, _ in pairs),
            found=tuple(_masks(decided) for _, decided in pairs),
            confidence=np.full(len(pairs), 0.9, np.float32),
            embedding=np.zeros((len(pairs), 4), np.float32),
            statistics=np.zeros((len(pairs), 4), np.float32),
            scores=(),
            skipped=(),
        )
    )


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_scores_are_those_of_the_metrics(seed: int, count: int) -> None:
    """All numbers, of all classes and of each, are `segmentation_scores`; intervals hold them."""
    pairs = _maps(seed, count)
    evaluation = _evaluation(pairs, Path("/nowhere"))
    counts = reduce(add, (segmentation_counts(*pair, len(LABELS)) for pair in pairs))
    expected = segmentation_scores(counts, LABELS)
    for name in ("miou", "dice", "boundary_iou", "accuracy"):
        assert evaluation.score(name).value == pytest.approx(getattr(expected, name))
    for label, each in expected.by_class.items():
        for name in ("iou", "dice", "boundary_iou"):
            if np.isfinite(getattr(each, name)):
                found = evaluation.score(f"{name}:{label}")
                assert found.value == pytest.approx(getattr(each, name))
    for score in evaluation.scores:
        assert score.low <= score.value <= score.high
    for index, pair in enumerate(pairs):
        alone = segmentation_scores(segmentation_counts(*pair, len(LABELS)), LABELS)
        assert iou_of_pictures(evaluation)[index] == pytest.approx(alone.miou)


def test_an_evaluation_is_kept_whole(tmp_path: Path) -> None:
    """What is saved is read again, masks and all; what decides otherwise is told to export."""
    evaluation = _evaluation(_maps(1, 4), tmp_path)
    evaluation.save(tmp_path / "evaluation.safetensors")
    again = load_evaluation(tmp_path / "evaluation.safetensors")
    assert isinstance(again, SegmentationEvaluation)
    assert again.as_record() == evaluation.as_record()
    assert (again.truth, again.found, again.sizes) == (
        evaluation.truth,
        evaluation.found,
        evaluation.sizes,
    )
    assert decide_again(again, evaluation.decision) is again
    with pytest.raises(UsageError, match="another decision"):
        decide_again(again, Decision(threshold=0.4))
    with pytest.raises(UnknownNameError, match="unknown score 'iuo'"):
        again.score("iuo")


def test_leaked_pictures_are_told_apart(tmp_path: Path) -> None:
    """Scores stand twice: with the pictures that training saw copies of and without."""
    evaluation = _evaluation(_maps(2, 4), tmp_path)
    leaked = with_leaks(evaluation, [evaluation.paths[0]])
    assert isinstance(leaked, SegmentationEvaluation)
    clean = [score for score in leaked.scores if score.split != "test"]
    rest = _evaluation(_maps(2, 4)[1:], tmp_path)
    assert {score.metric: score.value for score in clean} == pytest.approx(
        {score.metric: score.value for score in rest.scores}
    )


def test_figures_and_pictures_show_what_happened(tmp_path: Path) -> None:
    """Matrix and spread of pictures are SVG with words; pictures go from worst to best."""
    evaluation = _evaluation(_maps(3, 6), tmp_path)
    for path in evaluation.paths[1:]:
        Image.fromarray(np.full((*SIZE, 3), 200, np.uint8)).save(path)
    matrix, spread = segmentation_figures(evaluation)
    for each in (matrix, spread):
        assert ET.fromstring(each.svg).tag == "svg"  # noqa: S314 - our own markup
    right = evaluation.matrix.diagonal().sum() / evaluation.matrix.sum()
    assert f"{right * 100:.1f} % of all are answered rightly" in matrix.alt
    assert "the worst" in spread.alt
    drawn = segmented_tiles(evaluation)
    assert len(drawn) == 5
    assert [each.iou for each in drawn] == sorted(each.iou for each in drawn)
    assert all(each.labelled != each.answered for each in drawn)

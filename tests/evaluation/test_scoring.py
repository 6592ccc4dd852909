from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from evaluation.conftest import Item
from tiny_package import LABELS, make_tiny_package

from midrib.engines import Predictor, load_predictor
from midrib.errors import DatasetError, StorageError, UnknownNameError, UsageError
from midrib.evaluation import Evaluation, build_reference, evaluate_package
from midrib.metrics import balanced_accuracy, roc_auc
from midrib.packages import Decision, Package, picture_statistics


def test_answers_are_those_that_the_server_gives(
    evaluation: Evaluation, items: list[Item], predictor: Predictor
) -> None:
    """Each picture's answer, label, features and statistics are the predictor's own, in order."""
    assert evaluation.paths == tuple(item.path for item in items)
    served = predictor.predict([item.path.read_bytes() for item in items])
    assert [LABELS[index] for index in evaluation.decided] == [one.label for one in served]
    assert [LABELS[index] for index in evaluation.truth] == [item.label for item in items]
    np.testing.assert_allclose(
        evaluation.embedding, np.stack([one.embedding for one in served]), rtol=1e-5
    )
    pictures = np.stack([predictor.read(item.path.read_bytes()) for item in items])
    np.testing.assert_allclose(evaluation.statistics, picture_statistics(pictures), rtol=1e-5)


def test_scores_are_measured_with_intervals(evaluation: Evaluation) -> None:
    """Accuracy counts the five wrong labels; every score has its interval, pictures and split."""
    accuracy = evaluation.score("accuracy")
    assert accuracy.value == pytest.approx(35 / 40)
    assert accuracy.low < accuracy.value < accuracy.high
    assert (accuracy.pictures, accuracy.split) == (40, "test")
    assert evaluation.score("roc_auc").value == pytest.approx(
        roc_auc(evaluation.truth, evaluation.answer)
    )
    assert evaluation.score("balanced_accuracy").value == pytest.approx(
        balanced_accuracy(evaluation.truth, evaluation.decided)
    )
    names = [score.metric for score in evaluation.scores]
    assert names == [
        "roc_auc", "log_loss", "ece", "accuracy", "balanced_accuracy",
        "recall:blue", "recall:green", "recall:red",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="did you mean 'roc_auc'"):
        evaluation.score("rocauc")


def test_two_classes_are_scored_at_the_packages_threshold(
    tmp_path: Path, items: list[Item]
) -> None:
    """With a threshold near 1 hardly anything is decided positive, whatever is most probable."""
    package = make_tiny_package(
        tmp_path / "two",
        labels=("blue", "green"),
        decision=Decision(positive="blue", threshold=0.999),
    )
    two = [item for item in items if item.label != "red" and "red" not in item.path.name]
    evaluation = evaluate_package(
        package, two, load_predictor(package, engine="onnxruntime"), split="test"
    )
    assert evaluation.score("recall:blue").value == 0
    assert evaluation.score("recall:green").value == 1
    assert (evaluation.answer.argmax(axis=1) == 0).any()
    assert evaluation.positive_index == 0
    assert evaluation.score("average_precision").value > 0.5


def test_unreadable_pictures_are_named_and_left_out(
    tmp_path: Path, package: Package, predictor: Predictor, items: list[Item]
) -> None:
    """A text file and a missing file are skipped with their reasons; the rest is scored."""
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    odd = [Item(text, "red"), *items[:5], Item(tmp_path / "gone.png", "red")]
    told: list[tuple[int, int]] = []
    evaluation = evaluate_package(
        package,
        odd,
        predictor,
        split="test",
        batch_size=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert evaluation.paths == tuple(item.path for item in items[:5])
    assert [path.name for path, _ in evaluation.skipped] == ["notes.jpg", "gone.png"]
    assert "not a picture" in evaluation.skipped[0].reason
    assert "No such file" in evaluation.skipped[1].reason
    assert told == [(2, 7), (4, 7), (6, 7), (7, 7)]


def test_what_cannot_be_evaluated_is_refused(
    tmp_path: Path, package: Package, predictor: Predictor, items: list[Item]
) -> None:
    """No picture, none readable, an unknown label and another package's predictor each say so."""
    with pytest.raises(DatasetError, match="no picture to evaluate"):
        evaluate_package(package, [], predictor, split="test")
    with pytest.raises(DatasetError, match=r"none of 1 pictures .*gone\.png"):
        evaluate_package(package, [Item(tmp_path / "gone.png", "red")], predictor, split="test")
    with pytest.raises(DatasetError, match="did you mean 'green'"):
        evaluate_package(package, [Item(items[0].path, "gren")], predictor, split="test")
    other = make_tiny_package(tmp_path / "other", version=2)
    with pytest.raises(UsageError, match="runs colours version 1"):
        evaluate_package(other, items, predictor, split="test")


def test_an_evaluation_survives_the_disk(tmp_path: Path, evaluation: Evaluation) -> None:
    """What is saved is loaded again, exactly; its record is JSON."""
    path = tmp_path / "evaluation.safetensors"
    evaluation.save(path)
    loaded = Evaluation.load(path)
    for name in ("truth", "answer", "embedding", "statistics", "decided"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(evaluation, name))
        assert getattr(loaded, name).dtype == getattr(evaluation, name).dtype
    assert (loaded.scores, loaded.skipped) == (evaluation.scores, evaluation.skipped)
    assert (loaded.paths, loaded.labels) == (evaluation.paths, evaluation.labels)
    assert json.loads(json.dumps(loaded.as_record(), allow_nan=False))["pictures"] == 40


def test_a_broken_evaluation_is_refused(tmp_path: Path) -> None:
    """A file that is cut short, or is another thing, is a one-line error."""
    path = tmp_path / "evaluation.safetensors"
    with pytest.raises(StorageError, match="evaluate the package again"):
        Evaluation.load(path)
    path.write_bytes(b"\x10\x00\x00")
    with pytest.raises(StorageError, match="evaluate the package again"):
        Evaluation.load(path)


def test_reference_holds_what_was_seen(evaluation: Evaluation) -> None:
    """Shares, histograms and the sketch of a reference are the evaluation's."""
    reference = build_reference(evaluation)
    assert reference.pictures == 40
    decided = np.bincount(evaluation.decided, minlength=3) / 40
    assert list(reference.class_shares.values()) == pytest.approx(decided.tolist())
    confidence = evaluation.answer[np.arange(40), evaluation.decided]
    assert reference.confidence.shares == pytest.approx(
        reference.confidence.shares_of(confidence).tolist()
    )
    projected = reference.sketch.project(evaluation.embedding)
    assert reference.sketch_mean == pytest.approx(projected.mean(axis=0).tolist(), rel=1e-5)
    assert np.shape(reference.sketch_covariance) == (8, 8)

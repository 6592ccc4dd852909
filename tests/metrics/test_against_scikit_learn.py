"""scikit-learn is the oracle: every number that both know must agree."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as oracle

from midrib import metrics
from midrib.metrics.decisions import Real, Truth


@st.composite
def answers(draw: st.DrawFn, classes: int | None = None) -> tuple[Truth, Real]:
    """Truth and probabilities, coarse enough to have many ties."""
    classes = classes or draw(st.integers(2, 5))
    count = draw(st.integers(2, 40))
    truth = draw(arrays.arrays(np.int64, count, elements=st.integers(0, classes - 1)))
    raw = draw(arrays.arrays(np.int64, (count, classes), elements=st.integers(1, 6)))
    return truth, raw / raw.sum(axis=1, keepdims=True)


@given(answers())
def test_decision_metrics_agree(pair: tuple[Truth, Real]) -> None:
    """Accuracy, balanced accuracy, macro F1 and the confusion matrix are scikit-learn's."""
    truth, answer = pair
    decided = answer.argmax(axis=1)
    classes = answer.shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes without pictures
        expected = {
            "accuracy": oracle.accuracy_score(truth, decided),
            "balanced_accuracy": oracle.balanced_accuracy_score(truth, decided),
            "macro_f1": oracle.f1_score(truth, decided, average="macro"),
        }
    for name, value in expected.items():
        assert metrics.METRICS.get(name)(truth, answer) == pytest.approx(value)
        assert metrics.METRICS.get(name)(truth, decided) == pytest.approx(value)
    matrix = oracle.confusion_matrix(truth, decided, labels=range(classes))
    np.testing.assert_array_equal(metrics.confusion_matrix(truth, answer), matrix)


@given(answers(classes=2))
def test_binary_ranking_metrics_agree(pair: tuple[Truth, Real]) -> None:
    """Binary ROC AUC and average precision are scikit-learn's, ties included."""
    truth, answer = pair
    assume(0 < truth.sum() < len(truth))
    score = answer[:, 1]
    assert metrics.roc_auc(truth, answer) == pytest.approx(oracle.roc_auc_score(truth, score))
    for positive in (0, 1):
        expected = oracle.average_precision_score(truth == positive, answer[:, positive])
        found = metrics.average_precision(truth, answer, positive=positive)
        assert found == pytest.approx(expected)


@given(answers())
def test_many_class_ranking_metrics_agree(pair: tuple[Truth, Real]) -> None:
    """With every class present, macro one-against-rest numbers are scikit-learn's."""
    truth, answer = pair
    classes = answer.shape[1]
    assume(classes > 2)
    assume(len(np.unique(truth)) == classes)
    expected = oracle.roc_auc_score(truth, answer, multi_class="ovr", average="macro")
    assert metrics.roc_auc(truth, answer) == pytest.approx(expected)
    one_hot = np.eye(classes)[truth]
    expected = oracle.average_precision_score(one_hot, answer, average="macro")
    assert metrics.average_precision(truth, answer) == pytest.approx(expected)


@given(answers())
def test_log_loss_agrees(pair: tuple[Truth, Real]) -> None:
    """Log loss is scikit-learn's."""
    truth, answer = pair
    expected = oracle.log_loss(truth, answer, labels=range(answer.shape[1]))
    assert metrics.log_loss(truth, answer) == pytest.approx(expected, rel=1e-6)


@given(answers(classes=2))
def test_curves_agree(pair: tuple[Truth, Real]) -> None:
    """ROC and precision-recall points are scikit-learn's, point by point."""
    truth, answer = pair
    assume(0 < truth.sum() < len(truth))
    positive, score = truth == 1, answer[:, 1]
    roc = metrics.roc_curve(positive, score)
    rates = oracle.roc_curve(truth, score, drop_intermediate=False)
    for mine, theirs in zip((roc.x, roc.y, roc.threshold), rates, strict=True):
        np.testing.assert_allclose(mine, theirs)
    pr = metrics.pr_curve(positive, score)
    precision, recall, threshold = oracle.precision_recall_curve(truth, score)
    np.testing.assert_allclose(pr.x, recall[::-1])
    np.testing.assert_allclose(pr.y, precision[::-1])
    np.testing.assert_allclose(pr.threshold[1:], threshold[::-1])


@given(answers())
def test_calibration_error_is_the_weighted_gap(pair: tuple[Truth, Real]) -> None:
    """The expected calibration error equals the definition, written out bin by bin."""
    truth, answer = pair
    said, right = answer.max(axis=1), answer.argmax(axis=1) == truth
    gap = 0.0
    for place in range(15):
        held = np.clip((said * 15).astype(int), 0, 14) == place
        if held.any():
            gap += held.mean() * abs(said[held].mean() - right[held].mean())
    assert metrics.expected_calibration_error(truth, answer) == pytest.approx(gap)

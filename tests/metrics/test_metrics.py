from __future__ import annotations

import math

import numpy as np
import pytest

from midrib import metrics
from midrib.errors import UnknownNameError
from midrib.metrics.decisions import Real, Truth


def _noisy_answers(count: int, *, help_by: float, seed: int) -> tuple[Truth, Real]:
    random = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    logit = random.normal(size=count) + help_by * truth
    positive = 1 / (1 + np.exp(-logit))
    return truth, np.stack([1 - positive, positive], axis=1)


def test_every_metric_is_perfect_on_perfect_answers() -> None:
    """The truth itself, given as probabilities, gets the best value of every named metric."""
    truth = np.array([0, 1, 2, 2, 1])
    for name in metrics.METRICS:
        metric = metrics.METRICS.get(name)
        best = 1.0 if metric.better == "higher" else 0.0
        assert metric(truth, np.eye(3)[truth]) == pytest.approx(best, abs=1e-6), name


def test_unmeasurable_numbers_are_nan() -> None:
    """One class only, or no picture at all, gives nan and no error where nothing can be said."""
    one_class = np.zeros(3, np.int64)
    answer = np.full((3, 2), 0.5)
    assert math.isnan(metrics.roc_auc(one_class, answer))
    assert math.isnan(metrics.average_precision(one_class, answer))
    assert math.isnan(metrics.bootstrap(metrics.roc_auc, one_class, answer, rounds=3).low)
    for name in metrics.METRICS:
        value = metrics.METRICS.get(name)(np.empty(0, np.int64), np.empty((0, 2)))
        assert math.isnan(value), name


def test_certain_and_wrong_stays_finite() -> None:
    """A probability of exactly 0 for the truth costs much, but not infinitely much."""
    assert 10 < metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])) < 20


def test_recall_names_absent_classes() -> None:
    """Recall by class is nan for a class without pictures."""
    recall = metrics.recall_by_class(np.array([0, 0, 2]), np.array([0, 2, 2]), 3)
    np.testing.assert_array_equal(recall, [0.5, np.nan, 1.0])


def test_metrics_know_what_is_better() -> None:
    """A higher accuracy and a lower loss improve; nan never does."""
    assert metrics.METRICS.get("accuracy").improves(0.6, 0.5)
    assert metrics.METRICS.get("log_loss").improves(0.4, 0.5)
    assert not metrics.METRICS.get("log_loss").improves(math.nan, 0.5)
    assert not metrics.METRICS.get("roc_auc").improves(math.nan, None)
    assert metrics.METRICS.get("roc_auc").improves(0.1, None)


def test_unknown_metric_gets_the_nearest_name() -> None:
    """A misspelt metric is refused with the name that was meant."""
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        metrics.METRICS.get("acuracy")


def test_bootstrap_covers_and_repeats() -> None:
    """The interval holds the value, is the same for the same seed, and is wider with less data."""
    truth, answer = _noisy_answers(400, help_by=1.5, seed=0)
    wide = metrics.bootstrap(metrics.roc_auc, truth[:60], answer[:60])
    narrow = metrics.bootstrap(metrics.roc_auc, truth, answer)
    assert narrow == metrics.bootstrap(metrics.roc_auc, truth, answer)
    assert narrow.low < narrow.value < narrow.high
    assert wide.high - wide.low > narrow.high - narrow.low
    # Hanley and McNeil's standard error for this AUC and count is about 0.018.
    assert (narrow.high - narrow.low) / 3.92 == pytest.approx(0.018, abs=0.004)


def test_resamples_keep_the_classes() -> None:
    """Every resample has each class as often as the truth has it."""
    truth = np.array([0, 1, 1, 2, 2, 2, 1])
    for indices in metrics.resamples(truth, rounds=20):
        np.testing.assert_array_equal(np.bincount(truth[indices]), [1, 3, 3])


def test_pairing_sees_what_single_intervals_hide() -> None:
    """A model that is a little better everywhere has a difference clear of 0."""
    truth, weaker = _noisy_answers(400, help_by=1.0, seed=1)
    logit = np.log(weaker[:, 1] / weaker[:, 0]) + 0.25 * truth
    positive = 1 / (1 + np.exp(-logit))
    stronger = np.stack([1 - positive, positive], axis=1)
    one = metrics.bootstrap(metrics.roc_auc, truth, weaker)
    other = metrics.bootstrap(metrics.roc_auc, truth, stronger)
    difference = metrics.paired_bootstrap(metrics.roc_auc, truth, stronger, weaker)
    assert other.low < one.high
    assert difference.low > 0
    assert difference.value == pytest.approx(other.value - one.value)

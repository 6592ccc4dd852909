"""The linear probe against scikit-learn's logistic regression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from training.resumable_run import LABELS, RECIPE, digit_items

from midrib.backbones import create_backbone
from midrib.tasks import Classifier
from midrib.training import Pictures, embed, fit_probe
from midrib.training.probe import _logistic_regression


def test_regression_is_the_textbook_one() -> None:
    """The regression's probabilities are those of scikit-learn with the same weight decay."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 200)
    features = (random.normal(size=(200, 6)) + np.eye(3, 6)[truth] * 2).astype(np.float32)
    decay = 0.01
    ours = _logistic_regression(torch.from_numpy(features), torch.from_numpy(truth), 3, decay)
    theirs = LogisticRegression(C=1 / (2 * decay * len(truth)), max_iter=1000, tol=1e-8)
    expected = theirs.fit(features, truth).predict_proba(features)
    np.testing.assert_allclose(ours.answer(torch.from_numpy(features)), expected, atol=2e-3)


def test_probe_beats_chance_on_features_that_never_learned(digit_pictures: Path) -> None:
    """Even random features tell real digits apart better than chance."""
    items = digit_items(digit_pictures)
    classifier = Classifier(create_backbone("efficientnet-lite0", weights="none"), 10, dropout=0.0)
    training, validation = (
        Pictures(part, LABELS, RECIPE, augmentation="flip") for part in (items[:96], items[96:])
    )
    probe = fit_probe(classifier, training, validation, metric="accuracy")
    features, truth = embed(classifier, validation)
    answer = probe.answer(features)
    np.testing.assert_allclose(answer.sum(axis=1), 1, rtol=1e-4)
    assert (answer.argmax(axis=1) == truth.numpy()).mean() > 0.2

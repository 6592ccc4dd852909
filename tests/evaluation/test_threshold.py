from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from midrib.errors import DatasetError, UnknownNameError, UsageError
from midrib.evaluation import Evaluation, choose_threshold
from midrib.postprocessing import decide


def _evaluation(truth: list[int], positive: list[float], *, labels: int = 2) -> Evaluation:
    score = np.array(positive, np.float32)
    empty = np.empty((len(truth), 0), np.float32)
    return Evaluation(
        split="validation",
        labels=("defective", "sound", "odd")[:labels],
        positive="defective" if labels == 2 else None,
        paths=(),
        truth=np.array(truth, np.int64),
        answer=np.stack([score, 1 - score], axis=1),
        embedding=empty,
        statistics=empty,
        decided=np.zeros(len(truth), np.int64),
        scores=(),
        skipped=(),
    )


def _rates(evaluation: Evaluation, threshold: float) -> tuple[float, float]:
    """Recall and specificity at ``threshold``, decided as the field decides."""
    decided = np.array(
        decide(
            evaluation.answer,
            list(evaluation.labels),
            positive=evaluation.positive,
            threshold=threshold,
        )
    )
    defective = evaluation.truth == 0
    return float((decided[defective] == 0).mean()), float((decided[~defective] == 1).mean())


answers = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1, width=32)), min_size=2, max_size=40)


@given(answers)
def test_balanced_is_the_best_of_all_thresholds(pairs: list[tuple[int, float]]) -> None:
    """No threshold has a larger sum of recall and specificity than the balanced one."""
    evaluation = _evaluation(*map(list, zip(*pairs, strict=True)))
    assume(0 < evaluation.truth.sum() < len(pairs))
    chosen = sum(_rates(evaluation, choose_threshold(evaluation, "balanced")))
    for threshold in evaluation.answer[:, 0]:
        assert chosen >= sum(_rates(evaluation, float(threshold))) - 1e-9


@given(answers, st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_recall_rule_reaches_the_recall_and_no_more(
    pairs: list[tuple[int, float]], wanted: float
) -> None:
    """The threshold reaches the recall; deciding one score fewer as positive would not."""
    evaluation = _evaluation(*map(list, zip(*pairs, strict=True)))
    assume(0 < evaluation.truth.sum() < len(pairs))
    threshold = choose_threshold(evaluation, f"recall:{wanted}")
    assert _rates(evaluation, threshold)[0] >= wanted
    score = evaluation.answer[:, 0]
    higher = score[score > score[score >= np.float32(threshold)].min()]
    if higher.size:
        assert _rates(evaluation, float(higher.min()))[0] < wanted


def test_threshold_lies_midway() -> None:
    """The threshold keeps clear of both neighbouring scores."""
    evaluation = _evaluation([0, 0, 1, 1], [0.9, 0.7, 0.3, 0.1])
    assert choose_threshold(evaluation, "balanced") == pytest.approx(0.5)
    assert choose_threshold(evaluation, "recall:0.5") == pytest.approx(0.8)
    assert choose_threshold(evaluation, "recall:1", positive="sound") == pytest.approx(0.5)


def test_unmeant_rules_are_refused() -> None:
    """Unknown rules and labels, senseless numbers, one class and three labels each say so."""
    evaluation = _evaluation([0, 1], [0.9, 0.1])
    with pytest.raises(UnknownNameError, match="did you mean 'balanced'"):
        choose_threshold(evaluation, "balance")
    with pytest.raises(UnknownNameError, match="did you mean 'sound'"):
        choose_threshold(evaluation, "balanced", positive="sond")
    for rule in ("recall", "recall:much", "recall:95", "recall:0", "balanced:0.9"):
        with pytest.raises(UsageError, match="threshold rule"):
            choose_threshold(evaluation, rule)
    with pytest.raises(DatasetError, match="one class only"):
        choose_threshold(_evaluation([1, 1], [0.9, 0.1]), "balanced")
    with pytest.raises(UsageError, match="two labels"):
        choose_threshold(_evaluation([0, 1], [0.9, 0.1], labels=3), "balanced")

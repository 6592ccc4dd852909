"""The same answers under another decision, without asking the model again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from midrib.evaluation.records import Evaluation
from midrib.evaluation.scores import scored
from midrib.packages import Decision
from midrib.postprocessing import decide


def decide_again(evaluation: Evaluation, decision: Decision) -> Evaluation:
    """``evaluation`` as it would have been with ``decision``: decided labels and scores anew."""
    labels = evaluation.labels
    decided = np.array(
        decide(
            evaluation.answer,
            list(labels),
            positive=decision.positive,
            threshold=decision.threshold,
        ),
        dtype=np.int64,
    )
    return scored(replace(evaluation, positive=decision.positive, decided=decided))

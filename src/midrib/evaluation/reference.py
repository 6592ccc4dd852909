"""Reference statistics for monitoring, from a validation evaluation."""

from __future__ import annotations

import numpy as np

from midrib.evaluation.records import Evaluation
from midrib.packages import PICTURE_STATISTICS, EmbeddingSketch, Reference
from midrib.packages.reference import Histogram


def build_reference(evaluation: Evaluation) -> Reference:
    """What the pictures, embeddings and answers of ``evaluation`` looked like.

    Take the validation split: training pictures look surer than live ones ever will, and the
    test split stays unseen.
    """
    rows = np.arange(len(evaluation))
    sketch = EmbeddingSketch(embedding_size=evaluation.embedding.shape[1])
    projected = sketch.project(evaluation.embedding).astype(np.float64)
    shares = np.bincount(evaluation.decided, minlength=len(evaluation.labels)) / len(evaluation)
    return Reference(
        pictures=len(evaluation),
        class_shares=dict(zip(evaluation.labels, shares.tolist(), strict=True)),
        confidence=Histogram.of(evaluation.answer[rows, evaluation.decided]),
        statistics={
            name: Histogram.of(evaluation.statistics[:, column])
            for column, name in enumerate(PICTURE_STATISTICS)
        },
        sketch=sketch,
        sketch_mean=projected.mean(axis=0).tolist(),
        # Over the count, not one fewer: a single picture then has no spread instead of no number.
        sketch_covariance=np.cov(projected, rowvar=False, ddof=0).tolist(),
    )

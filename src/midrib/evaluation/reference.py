"""Reference statistics for monitoring, from a validation evaluation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.records import Evaluation
from midrib.evaluation.scoring import AnyEvaluation
from midrib.evaluation.segmentation_records import SegmentationEvaluation
from midrib.packages import PICTURE_STATISTICS, EmbeddingSketch, Reference
from midrib.packages.reference import Histogram
from midrib.records import NOTHING, Floats


class _Decided(NamedTuple):
    """What is counted of pictures: the place of each one's class in ``names``, and how sure."""

    names: tuple[str, ...]
    places: NDArray[np.int64]
    scores: Floats

    @property
    def shares(self) -> dict[str, float]:
        """Of pictures, by class."""
        counted = np.bincount(self.places, minlength=len(self.names)) / len(self.places)
        return dict(zip(self.names, counted.tolist(), strict=True))


def build_reference(evaluation: AnyEvaluation) -> Reference:
    """What the pictures, embeddings and answers of ``evaluation`` looked like.

    Take the validation split: training pictures look surer than live ones ever will, and the
    test split stays unseen.
    """
    if isinstance(evaluation, SegmentationEvaluation):
        shares, sure = evaluation.decided_shares, evaluation.confidence
    else:
        decided = _decided(evaluation)
        shares, sure = decided.shares, decided.scores
    sketch = EmbeddingSketch(embedding_size=evaluation.embedding.shape[1])
    projected = sketch.project(evaluation.embedding).astype(np.float64)
    return Reference(
        pictures=len(evaluation),
        class_shares=shares,
        confidence=Histogram.of(sure),
        statistics={
            name: Histogram.of(evaluation.statistics[:, column])
            for column, name in enumerate(PICTURE_STATISTICS)
        },
        sketch=sketch,
        sketch_mean=projected.mean(axis=0).tolist(),
        # Over the count, not one fewer: a single picture then has no spread instead of no number.
        sketch_covariance=np.cov(projected, rowvar=False, ddof=0).tolist(),
    )


def _decided(evaluation: Evaluation | DetectionEvaluation) -> _Decided:
    """The class of each picture; of detected objects that of the surest one, as it is logged."""
    if isinstance(evaluation, Evaluation):
        rows = np.arange(len(evaluation))
        scores = evaluation.answer[rows, evaluation.decided]
        return _Decided(evaluation.labels, evaluation.decided, scores)
    names = (*evaluation.labels, NOTHING)
    best = [each.best(1) for each in evaluation.answered]
    places = [int(each.classes[0]) if len(each) else len(names) - 1 for each in best]
    sure = [float(each.scores[0]) if len(each) else 0.0 for each in best]
    return _Decided(names, np.array(places, np.int64), np.array(sure, np.float32))

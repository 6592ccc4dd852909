"""What a classifier answers, batch by batch, and the evaluation of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from midrib.datasets import Item
from midrib.engines import Predictor
from midrib.errors import DatasetError
from midrib.evaluation.records import Evaluation, Skipped
from midrib.evaluation.scores import scored
from midrib.names import nearest
from midrib.packages import picture_statistics
from midrib.records import Floats, View


class LabelledPicture(Protocol):
    """A picture file and its class: what a data set's items are."""

    @property
    def path(self) -> Path: ...

    @property
    def label(self) -> str: ...


def require_outlines(items: Sequence[Item]) -> None:
    """Raise ``DatasetError`` where there are boxes and not one outline or mask."""
    annotated = [item for item in items if item.annotations]
    outlined = any(each.mask or each.polygons for item in annotated for each in item.annotations)
    if annotated and not outlined:
        raise DatasetError(
            f"{annotated[0].path} has boxes, and no picture has an outline or a mask",
            expected="masks, as the model answers them",
            todo="name data that are labelled for segmentation",
        )


class _Answered(NamedTuple):
    """A batch of readable pictures, a row each, as in `Evaluation`."""

    paths: list[Path]
    truth: NDArray[np.int64]
    decided: NDArray[np.int64]
    answer: Floats
    embedding: Floats
    statistics: Floats


class Answers:
    """Asks for probabilities, and notes what the package decides by them."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._labels = tuple(predictor.card.labels)
        self._batches: list[_Answered] = []

    def require_known(self, items: Sequence[LabelledPicture]) -> None:
        """Raise ``DatasetError`` for a class that the package does not know."""
        for item in items:
            require_known_label(item.label, item.path, self._labels)

    def add(self, items: Sequence[LabelledPicture], views: Sequence[View]) -> None:
        """Ask about one more batch."""
        pictures = np.stack([view.pixels for view in views])
        outputs = self._predictor.infer(pictures)
        decided = [
            self._labels.index(prediction.label) for prediction in self._predictor.classify(outputs)
        ]
        self._batches.append(
            _Answered(
                paths=[item.path for item in items],
                truth=np.array([self._labels.index(item.label) for item in items], np.int64),
                decided=np.array(decided, np.int64),
                answer=outputs.answer,
                embedding=outputs.embedding,
                statistics=picture_statistics(pictures),
            )
        )

    def evaluation(self, split: str, skipped: Sequence[Skipped]) -> Evaluation:
        """What was noted, scored."""
        batches = self._batches
        return scored(
            Evaluation(
                split=split,
                labels=self._labels,
                positive=self._predictor.card.decision.positive,
                paths=tuple(path for batch in batches for path in batch.paths),
                truth=np.concatenate([batch.truth for batch in batches]),
                answer=np.concatenate([batch.answer for batch in batches]),
                embedding=np.concatenate([batch.embedding for batch in batches]),
                statistics=np.concatenate([batch.statistics for batch in batches]),
                decided=np.concatenate([batch.decided for batch in batches]),
                scores=(),
                skipped=tuple(skipped),
            )
        )


def require_known_label(label: str, path: Path, labels: Sequence[str]) -> None:
    """Raise ``DatasetError`` for a class that is none of ``labels``."""
    if label not in labels:
        close = nearest(label, labels)
        raise DatasetError(
            f"{path} has the label '{label}', which the package does not know",
            expected="one of: " + ", ".join(labels[:20]),
            todo=f"did you mean '{close[0]}'?" if close else "train a model on these labels",
        )

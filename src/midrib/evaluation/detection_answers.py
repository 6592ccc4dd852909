"""What a detector finds, batch by batch, and the evaluation of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from midrib.datasets import Item
from midrib.datasets.masks import mask_of
from midrib.engines import Predictor
from midrib.errors import DatasetError
from midrib.evaluation.answers import LabelledPicture, require_known_label, require_outlines
from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.detection_scores import scored
from midrib.evaluation.records import Skipped
from midrib.metrics.objects import FoundObjects, TrueObjects
from midrib.packages import picture_statistics
from midrib.records import Floats, Size, View
from midrib.run_lengths import encode_runs


class DetectionAnswers:
    """Asks for objects, in pixels of the upright pictures."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._labels = tuple(predictor.card.labels)
        self._draws = predictor.card.masks is not None
        self._paths: list[Path] = []
        self._groups: list[str] = []
        self._truth: list[TrueObjects] = []
        self._found: list[FoundObjects] = []
        self._embedding: list[Floats] = []
        self._statistics: list[Floats] = []

    def require_known(self, items: Sequence[LabelledPicture]) -> None:
        """Raise ``DatasetError`` for a class that the package does not know, and lacking masks."""
        if self._draws:
            require_outlines(_with_objects(items))
        for item in _with_objects(items):
            for label in item.labels if not item.annotations else ():
                raise DatasetError(
                    f"{item.path} has the class '{label}' and no object",
                    expected="boxes, as the model answers them",
                    todo="name data that are labelled for detection",
                )
            for each in item.annotations:
                require_known_label(each.label, item.path, self._labels)

    def add(self, items: Sequence[LabelledPicture], views: Sequence[View]) -> None:
        """Ask about one more batch."""
        looked = self._predictor.look(views)
        self._paths += [item.path for item in items]
        self._groups += [item.group or "" for item in _with_objects(items)]
        self._truth += [
            _truth(item, self._labels, view.of if self._draws else None)
            for item, view in zip(_with_objects(items), views, strict=True)
        ]
        self._found += [FoundObjects(*each.found) for each in looked]
        self._embedding.append(np.stack([each.embedding for each in looked]))
        self._statistics.append(picture_statistics(np.stack([view.pixels for view in views])))

    def evaluation(self, split: str, skipped: Sequence[Skipped]) -> DetectionEvaluation:
        """What was noted, scored."""
        return scored(
            DetectionEvaluation(
                split=split,
                labels=self._labels,
                threshold=self._predictor.card.decision.threshold,
                paths=tuple(self._paths),
                truth=tuple(self._truth),
                found=tuple(self._found),
                embedding=np.concatenate(self._embedding),
                statistics=np.concatenate(self._statistics),
                scores=(),
                skipped=tuple(skipped),
                groups=tuple(self._groups),
                with_masks=self._draws,
            )
        )


def _with_objects(items: Sequence[LabelledPicture]) -> Sequence[Item]:
    return cast("Sequence[Item]", items)


def _truth(item: Item, labels: Sequence[str], size: Size | None) -> TrueObjects:
    """The objects of a picture; where it is of ``size``, with their masks."""
    return TrueObjects(
        xyxy=np.array([each.xyxy for each in item.annotations], np.float32).reshape(-1, 4),
        classes=np.array([labels.index(each.label) for each in item.annotations], np.int64),
        crowd=np.array([each.crowd for each in item.annotations], np.bool_),
        masks=tuple(
            encode_runs(mask_of(each, size, size)) for each in item.annotations if size is not None
        ),
    )

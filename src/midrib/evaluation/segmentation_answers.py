"""What a segmenter tells of pixels, batch by batch, and the evaluation of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from midrib.datasets import Item
from midrib.datasets.class_maps import class_map_of
from midrib.engines import Predictor
from midrib.errors import DatasetError
from midrib.evaluation.answers import LabelledPicture, require_known_label, require_outlines
from midrib.evaluation.records import Skipped
from midrib.evaluation.segmentation_records import Masks, PixelCounts, SegmentationEvaluation
from midrib.evaluation.segmentation_scores import scored
from midrib.metrics import SegmentationCounts, segmentation_counts
from midrib.packages import picture_statistics
from midrib.postprocessing import painted
from midrib.records import BACKGROUND, IGNORED, ClassMap, Floats, Segmentation, Size, View
from midrib.run_lengths import encode_runs


class SegmentationAnswers:
    """Collects masks in pixels of the upright pictures, as they are answered, and counts them."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._labels = tuple(predictor.card.labels)
        self._paths: list[Path] = []
        self._sizes: list[Size] = []
        self._counts: list[SegmentationCounts] = []
        self._truth: list[Masks] = []
        self._found: list[Segmentation] = []
        self._statistics: list[Floats] = []

    def require_known(self, items: Sequence[LabelledPicture]) -> None:
        """Raise ``DatasetError`` for a class that the package does not know, and for boxes."""
        require_outlines(_with_objects(items))
        for item in _with_objects(items):
            for label in item.labels if not item.annotations else ():
                raise DatasetError(
                    f"{item.path} has the class '{label}' and no mask",
                    expected="masks, as the model answers them",
                    todo="name data that are labelled for segmentation",
                )
            for each in item.annotations:
                require_known_label(each.label, item.path, self._labels)

    def add(self, items: Sequence[LabelledPicture], views: Sequence[View]) -> None:
        """Ask about one more batch, and note what is answered."""
        answered = self._predictor.answer(views)
        found = [each for each in answered if isinstance(each, Segmentation)]
        for item, answer in zip(_with_objects(items), found, strict=True):
            truth = class_map_of(item, self._labels, answer.size)
            decided = painted(answer.masks, self._labels, answer.size)
            self._counts.append(segmentation_counts(truth, decided, len(self._labels)))
            self._truth.append(_masks(truth, self._labels))
            self._sizes.append(answer.size)
            self._paths.append(item.path)
        self._found += found
        self._statistics.append(picture_statistics(np.stack([view.pixels for view in views])))

    def evaluation(self, split: str, skipped: Sequence[Skipped]) -> SegmentationEvaluation:
        """What was noted, scored."""
        return scored(
            SegmentationEvaluation(
                split=split,
                labels=self._labels,
                decision=self._predictor.card.decision,
                paths=tuple(self._paths),
                sizes=tuple(self._sizes),
                counts=_by_picture(self._counts),
                matrix=np.sum([each.matrix for each in self._counts], axis=0),
                truth=tuple(self._truth),
                found=tuple(each.masks for each in self._found),
                confidence=np.array([each.score for each in self._found], np.float32),
                embedding=np.stack([each.embedding for each in self._found]),
                statistics=np.concatenate(self._statistics),
                scores=(),
                skipped=tuple(skipped),
            )
        )


def _with_objects(items: Sequence[LabelledPicture]) -> Sequence[Item]:
    return cast("Sequence[Item]", items)


def _masks(truth: ClassMap, labels: Sequence[str]) -> Masks:
    there = [int(place) for place in np.unique(truth) if place != IGNORED]
    return {
        labels[place]: encode_runs(truth == place) for place in there if labels[place] != BACKGROUND
    }


def _by_picture(counts: Sequence[SegmentationCounts]) -> PixelCounts:
    return PixelCounts(
        right=np.stack([each.matrix.diagonal() for each in counts]),
        true=np.stack([each.matrix.sum(axis=1) for each in counts]),
        decided=np.stack([each.matrix.sum(axis=0) for each in counts]),
        rim_shared=np.stack([each.rim_shared for each in counts]),
        rim_united=np.stack([each.rim_united for each in counts]),
    )

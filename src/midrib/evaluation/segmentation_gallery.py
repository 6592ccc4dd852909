"""Pictures of a split with what a segmenter told of their pixels, for the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midrib.errors import PictureError
from midrib.evaluation.detection_gallery import MOST_PICTURES, as_data_uri
from midrib.evaluation.overlays import draw_class_map
from midrib.evaluation.segmentation_records import Masks, SegmentationEvaluation
from midrib.evaluation.segmentation_scores import iou_of_pictures
from midrib.postprocessing import painted
from midrib.preprocessing import decode
from midrib.records import BACKGROUND, Pixels, Size

_SIDE_PIXELS = 360


@dataclass(frozen=True)
class SegmentedPicture:
    """One picture twice: as it was labelled and as it was answered. Sources are data URIs."""

    name: str
    labelled: str
    answered: str
    iou: float


def segmented_tiles(
    evaluation: SegmentationEvaluation, most: int = MOST_PICTURES
) -> list[SegmentedPicture]:
    """Pictures spread from the worst mean overlap to the best; those that are gone are left out."""
    overlap = iou_of_pictures(evaluation)
    ranked = np.argsort(overlap, kind="stable")
    chosen = ranked[np.linspace(0, len(ranked) - 1, min(most, len(ranked))).round().astype(int)]
    drawn = [_drawn(evaluation, int(row), float(overlap[row])) for row in chosen]
    return [each for each in drawn if each is not None]


def _drawn(evaluation: SegmentationEvaluation, row: int, iou: float) -> SegmentedPicture | None:
    path, size = evaluation.paths[row], evaluation.sizes[row]
    try:
        pixels = decode(path.read_bytes(), at_least=(_SIDE_PIXELS, _SIDE_PIXELS))
    except (OSError, PictureError):
        return None
    labelled, answered = (
        as_data_uri(_tinted(pixels, masks, size, evaluation.labels))
        for masks in (evaluation.truth[row], evaluation.found[row])
    )
    return SegmentedPicture(path.name, labelled, answered, iou)


def _tinted(pixels: Pixels, masks: Masks, size: Size, labels: tuple[str, ...]) -> Pixels:
    """The picture, which may have been decoded smaller, with its classes by their colours."""
    classes = painted(masks, labels, size)
    rows, columns = (
        ((np.arange(shown) + 0.5) * whole / shown).astype(int)
        for shown, whole in zip(pixels.shape[:2], size, strict=True)
    )
    return draw_class_map(pixels, classes[np.ix_(rows, columns)], labels, plain=BACKGROUND)

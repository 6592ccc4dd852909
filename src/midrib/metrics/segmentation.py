"""How well classes of pixels are told: summed picture by picture, scored at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.errors import DataError
from midrib.metrics.boundaries import SHARE, boundary_pixels, rim
from midrib.metrics.decisions import Counts, mean_of_present, ratio
from midrib.records import IGNORED

ClassMap = NDArray[np.integer]
"""The class of each pixel: integers, height × width."""


@dataclass(frozen=True)
class SegmentationCounts:
    """What one picture, or several together, come to; counts are added with ``+``.

    ``matrix``: pixels by true class (rows) and decided class (columns), int64, classes².
    ``rim_shared`` and ``rim_united``: pixels of the rims of either class map in common and
    together, int64, classes.
    """

    matrix: Counts
    rim_shared: Counts
    rim_united: Counts
    pictures: int = 1

    @classmethod
    def none(cls, classes: int) -> SegmentationCounts:
        """Of no picture: where a sum begins."""
        nothing = np.zeros(classes, np.int64)
        return cls(np.zeros((classes, classes), np.int64), nothing, nothing, 0)

    def __add__(self, other: SegmentationCounts) -> SegmentationCounts:
        return SegmentationCounts(
            self.matrix + other.matrix,
            self.rim_shared + other.rim_shared,
            self.rim_united + other.rim_united,
            self.pictures + other.pictures,
        )


@dataclass(frozen=True)
class ClassOverlap:
    """One class, 0 to 1; nan where it is neither true nor decided anywhere.

    ``iou``: intersection over union; ``dice``: twice the intersection over the sum;
    ``boundary_iou``: intersection over union of the rims; ``recall``: share of its pixels that
    were decided rightly. ``pixels``: how many are true.
    """

    iou: float
    dice: float
    boundary_iou: float
    recall: float
    pixels: int


@dataclass(frozen=True)
class SegmentationScores:
    """Means over classes that are true or decided anywhere, 0 to 1; nan without pixels.

    ``accuracy`` is the share of pixels decided rightly.
    """

    miou: float
    dice: float
    boundary_iou: float
    accuracy: float
    pictures: int
    by_class: Mapping[str, ClassOverlap]

    def as_record(self) -> dict[str, float]:
        """The numbers of all classes together, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int | float)}


def segmentation_counts(
    truth: ClassMap,
    decided: ClassMap,
    classes: int,
    *,
    ignored: int = IGNORED,
    rim_share: float = SHARE,
) -> SegmentationCounts:
    """Count one picture.

    Args:
        truth: the true class of each pixel, or ``ignored``.
        decided: what the model says, 0 to classes - 1, of the same size.
        classes: how many there are.
        ignored: marks pixels of the truth that do not count.
        rim_share: how far a rim reaches, as a share of the diagonal.

    Raises:
        DataError: the sizes differ, or a class is beyond ``classes``.
    """
    known = truth != ignored
    _require_fit(truth, decided, known, classes)
    told = truth[known].astype(np.int64) * classes + decided[known].astype(np.int64)
    matrix = np.bincount(told, minlength=classes * classes).reshape(classes, classes)
    shared, united = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    pixels = boundary_pixels(truth.shape[0], truth.shape[1], rim_share)
    for place in np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1)):
        # Unknown pixels belong to both while rims are found: their border is nobody's outline.
        one = rim((truth == place) | ~known, pixels) & known
        other = rim((decided == place) | ~known, pixels) & known
        shared[place], united[place] = (one & other).sum(), (one | other).sum()
    return SegmentationCounts(matrix, shared, united)


def segmentation_scores(counts: SegmentationCounts, labels: Sequence[str]) -> SegmentationScores:
    """Score what was counted.

    Intersection over union is Everingham et al., 'The Pascal VOC Challenge', IJCV 2010; Dice,
    'Measures of the Amount of Ecologic Association', 1945; boundaries, Cheng et al., 'Boundary
    IoU', CVPR 2021 (arXiv 2103.16562), equation 2, over all pictures together.
    """
    right = counts.matrix.diagonal()
    true, decided = counts.matrix.sum(axis=1), counts.matrix.sum(axis=0)
    iou = ratio(right, true + decided - right)
    dice = ratio(2 * right, true + decided)
    boundary, recall = ratio(counts.rim_shared, counts.rim_united), ratio(right, true)
    by_class = {
        label: ClassOverlap(
            float(iou[at]), float(dice[at]), float(boundary[at]), float(recall[at]), int(true[at])
        )
        for at, label in enumerate(labels)
    }
    return SegmentationScores(
        miou=mean_of_present(iou),
        dice=mean_of_present(dice),
        boundary_iou=mean_of_present(boundary),
        accuracy=float(right.sum() / true.sum()) if true.sum() else float("nan"),
        pictures=counts.pictures,
        by_class=by_class,
    )


def _require_fit(
    truth: ClassMap, decided: ClassMap, known: NDArray[np.bool_], classes: int
) -> None:
    if truth.shape != decided.shape or truth.ndim != 2:
        raise DataError(
            f"a class map of shape {decided.shape} for one of {truth.shape}",
            expected="two of the same height and width",
            todo="scale what was decided to the picture",
        )
    for each in (truth[known], decided[known]):
        if each.size and not 0 <= int(each.min()) <= int(each.max()) < classes:
            raise DataError(
                f"a pixel of class {int(each.max() if each.min() >= 0 else each.min())}",
                expected=f"classes from 0 to {classes - 1}",
                todo="give all labels of the model, or mark what is unknown as ignored",
            )

"""How segmenters learn: from scenes drawn as class maps, by losses of pixels, judged by overlap."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from midrib.metrics import SegmentationCounts, segmentation_counts, segmentation_scores
from midrib.names import unknown_name
from midrib.records import Pixels
from midrib.tasks import TaskModel
from midrib.tasks.mask_losses import IGNORED, create_mask_loss
from midrib.training.config import TrainConfig
from midrib.training.examples import Batch, Examples
from midrib.training.objectives import Objective
from midrib.training.scene_examples import SceneExamples
from midrib.training.scenes import CROWD, Scene

BACKGROUND = 0
"""Class of pixels that no object covers; the classes of objects follow."""

METRICS_OF_SEGMENTATION = ("miou", "dice", "boundary_iou", "accuracy")
"""By which epochs can be judged, 0 to 1, higher being better."""

ClassMap = NDArray[np.uint8]


class ClassMaps(SceneExamples):
    """Pictures with the class of each pixel: `BACKGROUND`, or 1 and on for ``labels``."""

    with_masks = True

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, ClassMap]:
        augmented = self.scene(place)
        return augmented.pixels, class_map(augmented)

    def collate(self, samples: list[tuple[Pixels, ClassMap]]) -> tuple[Tensor, Tensor]:
        """Stack pictures (uint8, count × height × width × 3) and maps (int64, without channels)."""
        pictures = torch.from_numpy(np.stack([pixels for pixels, _ in samples]))
        maps = torch.from_numpy(np.stack([told for _, told in samples]))
        return pictures, maps.long()


class SegmentationObjective(Objective):
    """The loss that epochs are told by is the mean of the batches' own."""

    def __init__(
        self,
        model: TaskModel,
        training: Examples,  # noqa: ARG002 - the door is one for all
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        require_segmentation_metric(config.metric)
        self._device, self._metric, self._classes = device, config.metric, model.classes
        self._loss = create_mask_loss(config.loss)

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int, index: int) -> Tensor:  # noqa: ARG002 - the door is one for all
        pictures, truth = batch
        logits, _ = model(pictures.to(self._device))
        return self._loss(logits, truth.to(self._device))

    def judge(self, model: nn.Module, batches: Iterable[Batch]) -> tuple[float, float]:
        counts, losses = SegmentationCounts.none(self._classes), []
        for pictures, truth in batches:
            logits, _ = model(pictures.to(self._device))
            losses.append(float(self._loss(logits, truth.to(self._device))))
            decided = logits.argmax(dim=1).cpu().numpy()
            each = zip(truth.numpy(), decided, strict=True)
            counts = reduce(
                add, (segmentation_counts(*pair, self._classes) for pair in each), counts
            )
        labels = [str(place) for place in range(self._classes)]
        reached = segmentation_scores(counts, labels).as_record()[self._metric]
        return reached, float(np.mean(losses)) if losses else float("nan")

    def improves(self, value: float, best: float | None) -> bool:
        # Without a known pixel in the validation split the last epoch is as good as any.
        return bool(np.isnan(value)) or best is None or bool(np.isnan(best)) or value > best


def require_segmentation_metric(name: str) -> None:
    """Raise ``UnknownNameError`` for what epochs of a segmenter cannot be judged by."""
    if name not in METRICS_OF_SEGMENTATION:
        raise unknown_name("metric of segmentation", name, METRICS_OF_SEGMENTATION)


def class_map(scene: Scene) -> ClassMap:
    """The class of each pixel, uint8, height × width; small objects lie over large ones.

    Pixels of a crowd that no object covers are `IGNORED`. The scene has masks.
    """
    drawn = np.full(scene.pixels.shape[:2], BACKGROUND, np.uint8)
    masks = scene.masks if scene.masks is not None else ()
    crowds = scene.classes == CROWD
    areas = np.array([int(mask.sum()) for mask in masks])
    # By area from the largest, crowds before everything.
    for row in np.lexsort((-areas, ~crowds)) if len(areas) else ():
        drawn[masks[row]] = IGNORED if crowds[row] else scene.classes[row] + 1
    return drawn

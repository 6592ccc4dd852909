"""How segmenters learn: from scenes drawn as class maps, by losses of pixels, judged by overlap."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

import numpy as np
import torch
from torch import Tensor, nn

from midrib.datasets import Item
from midrib.datasets.class_maps import class_map_of
from midrib.metrics import SegmentationCounts, segmentation_counts, segmentation_scores
from midrib.names import unknown_name
from midrib.records import ClassMap, Pixels, Size
from midrib.tasks import TaskModel
from midrib.tasks.mask_losses import create_mask_loss
from midrib.tasks.segmentation import Segmenter
from midrib.training.config import TrainConfig
from midrib.training.examples import Batch, Examples
from midrib.training.objectives import Objective
from midrib.training.scene_examples import SceneExamples
from midrib.training.scenes import Scene

METRICS_OF_SEGMENTATION = ("miou", "dice", "boundary_iou", "accuracy")
"""By which epochs can be judged, 0 to 1, higher being better."""


class ClassMaps(SceneExamples):
    """Pictures with the class of each pixel; ``labels`` begin with the background.

    Where augmentation moves in what is beyond the picture the class is `IGNORED`.
    """

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, ClassMap]:
        augmented = self.scene(place)
        if augmented.drawn is None:
            raise AssertionError("an augmentation keeps what is drawn")
        return augmented.pixels, augmented.drawn

    def _truth(self, item: Item, pixels: Pixels) -> ClassMap:
        return class_map_of(item, self._labels, Size(*pixels.shape[:2]))

    def _scene(self, pixels: Pixels, told: ClassMap) -> Scene:
        nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        return Scene(pixels, *nothing, polygons=(), drawn=told)

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
        weights = model.plan.class_weights if isinstance(model, Segmenter) and model.plan else ()
        self._loss = create_mask_loss(
            config.loss, weights=torch.tensor(weights, device=device) if weights else None
        )

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

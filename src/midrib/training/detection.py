"""How detectors learn: from scenes, by their losses, judged by the average precision of COCO."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from midrib.metrics.detection import detection_scores
from midrib.metrics.objects import FoundObjects, Shape, TrueObjects
from midrib.names import unknown_name
from midrib.pasting import MaskPasting, paste
from midrib.postprocessing import Suppression, suppressed
from midrib.records import Pixels, Rle, Size
from midrib.run_lengths import encode_runs
from midrib.tasks import TaskModel
from midrib.tasks.detection import Detector, Seen, Target
from midrib.training.config import TrainConfig
from midrib.training.examples import Batch, Examples
from midrib.training.objectives import Objective
from midrib.training.scene_examples import SceneExamples
from midrib.training.scenes import CROWD, Scene

METRICS_OF_DETECTION = ("ap50", "ap", "ap75", "ar")
"""By which epochs can be judged: COCO's, 0 to 1, higher being better."""


class Scenes(SceneExamples):
    """Pictures with objects in them."""

    def __getitem__(self, place: tuple[int, int]) -> tuple[Pixels, Target]:
        augmented = self.scene(place)
        return augmented.pixels, _target(augmented)

    def collate(self, samples: list[tuple[Pixels, Target]]) -> tuple[Tensor, list[Target]]:
        """Stack pictures: uint8, count × height × width × 3; targets stay as many as they are."""
        pictures = torch.from_numpy(np.stack([pixels for pixels, _ in samples]))
        return pictures, [target for _, target in samples]


class DrawnScenes(Scenes):
    """Pictures with objects in them, each with its mask."""

    with_masks = True


class DetectionObjective(Objective):
    """The loss that epochs are told by is the share that the metric lacks: 1 - metric.

    Where a detector draws masks, they are judged and not the boxes.
    """

    def __init__(
        self,
        model: TaskModel,
        training: Examples,  # noqa: ARG002 - the door is one for all
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        require_detection_metric(config.metric)
        self._device = device
        self._metric = config.metric
        self._labels = [str(place) for place in range(model.classes)]
        self._recipe = Suppression()
        draws = isinstance(model, Detector) and model.mask_cells
        self._shape: Shape = "masks" if draws else "boxes"

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int, index: int) -> Tensor:  # noqa: ARG002 - the door is one for all
        pictures, targets = batch
        moved = [target.to(self._device) for target in targets]
        losses = model(pictures.to(self._device), moved)
        return torch.stack(list(losses.values())).sum()

    def judge(self, model: nn.Module, batches: Iterable[Batch]) -> tuple[float, float]:
        truth: list[TrueObjects] = []
        found: list[FoundObjects] = []
        for pictures, targets in batches:
            size = Size(*pictures.shape[1:3])
            found += self._found(model(pictures.to(self._device)), size)
            truth += [_objects(target) for target in targets]
        scores = detection_scores(truth, found, self._labels, shape=self._shape)
        reached = float(getattr(scores, self._metric))
        return reached, 1 - reached

    def improves(self, value: float, best: float | None) -> bool:
        # Without an object in the validation split the last epoch is as good as any.
        return bool(np.isnan(value)) or best is None or bool(np.isnan(best)) or value > best

    def _found(self, seen: Seen, size: Size) -> list[FoundObjects]:
        boxes, scores = seen.boxes.float().cpu().numpy(), seen.scores.float().cpu().numpy()
        kept = [suppressed(*each, self._recipe) for each in zip(boxes, scores, strict=True)]
        if seen.masks is None:
            return [FoundObjects(*found) for found, _ in kept]
        masks = seen.masks.float().cpu().numpy()
        rule = MaskPasting(cells=masks.shape[-1])
        return [
            FoundObjects(*found._replace(masks=paste(own[places], found.boxes, size, rule)))
            for own, (found, places) in zip(masks, kept, strict=True)
        ]


def require_detection_metric(name: str) -> None:
    """Raise ``UnknownNameError`` for what epochs of a detector cannot be judged by."""
    if name not in METRICS_OF_DETECTION:
        raise unknown_name("metric of detection", name, METRICS_OF_DETECTION)


def _target(scene: Scene) -> Target:
    boxes, classes = torch.from_numpy(scene.boxes), torch.from_numpy(scene.classes)
    crowd = classes == CROWD
    masks = None if scene.masks is None else torch.from_numpy(scene.masks)[~crowd]
    return Target(boxes[~crowd], classes[~crowd], boxes[crowd], masks)


def _objects(target: Target) -> TrueObjects:
    crowds = len(target.ignored)
    return TrueObjects(
        xyxy=torch.cat([target.boxes, target.ignored]).numpy(),
        classes=np.concatenate([target.classes.numpy(), np.full(crowds, CROWD, np.int64)]),
        crowd=np.repeat([False, True], [len(target.boxes), crowds]),
        masks=() if target.masks is None else _runs(target),
    )


def _runs(target: Target) -> tuple[Rle, ...]:
    """The objects' masks, and what the boxes of crowds cover."""
    if target.masks is None:
        raise AssertionError("scenes are drawn with their masks")
    drawn = list(target.masks.numpy())
    for left, top, right, bottom in target.ignored.round().long().tolist():
        covered = np.zeros(target.masks.shape[1:], np.bool_)
        covered[top:bottom, left:right] = True
        drawn.append(covered)
    return tuple(map(encode_runs, drawn))

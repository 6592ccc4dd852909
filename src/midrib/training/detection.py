"""How detectors learn: from scenes, by their losses, judged by the average precision of COCO."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from midrib.metrics.detection import detection_scores
from midrib.metrics.objects import FoundObjects, TrueObjects
from midrib.names import unknown_name
from midrib.postprocessing import Suppression, suppress
from midrib.records import Pixels
from midrib.tasks import TaskModel
from midrib.tasks.detection import Seen, Target
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


class DetectionObjective(Objective):
    """The loss that epochs are told by is the share that the metric lacks: 1 - metric."""

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

    def loss(self, model: nn.Module, batch: Batch, *, epoch: int, index: int) -> Tensor:  # noqa: ARG002 - the door is one for all
        pictures, targets = batch
        moved = [Target(*(part.to(self._device) for part in target)) for target in targets]
        losses = model(pictures.to(self._device), moved)
        return torch.stack(list(losses.values())).sum()

    def judge(self, model: nn.Module, batches: Iterable[Batch]) -> tuple[float, float]:
        truth: list[TrueObjects] = []
        found: list[FoundObjects] = []
        for pictures, targets in batches:
            found += self._found(model(pictures.to(self._device)))
            truth += [_objects(target) for target in targets]
        reached = float(getattr(detection_scores(truth, found, self._labels), self._metric))
        return reached, 1 - reached

    def improves(self, value: float, best: float | None) -> bool:
        # Without an object in the validation split the last epoch is as good as any.
        return bool(np.isnan(value)) or best is None or bool(np.isnan(best)) or value > best

    def _found(self, seen: Seen) -> list[FoundObjects]:
        boxes, scores = seen.boxes.float().cpu().numpy(), seen.scores.float().cpu().numpy()
        kept = [suppress(*each, self._recipe) for each in zip(boxes, scores, strict=True)]
        return [FoundObjects(each.boxes, each.scores, each.classes) for each in kept]


def require_detection_metric(name: str) -> None:
    """Raise ``UnknownNameError`` for what epochs of a detector cannot be judged by."""
    if name not in METRICS_OF_DETECTION:
        raise unknown_name("metric of detection", name, METRICS_OF_DETECTION)


def _target(scene: Scene) -> Target:
    boxes, classes = torch.from_numpy(scene.boxes), torch.from_numpy(scene.classes)
    crowd = classes == CROWD
    return Target(boxes[~crowd], classes[~crowd], boxes[crowd])


def _objects(target: Target) -> TrueObjects:
    crowds = len(target.ignored)
    return TrueObjects(
        xyxy=torch.cat([target.boxes, target.ignored]).numpy(),
        classes=np.concatenate([target.classes.numpy(), np.full(crowds, CROWD, np.int64)]),
        crowd=np.repeat([False, True], [len(target.boxes), crowds]),
    )

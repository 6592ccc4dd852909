"""What every detector promises, and the pyramid under those that look everywhere at once."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork

from midrib.backbones import AddedLevels, Backbone
from midrib.errors import UsageError
from midrib.packages.card import ANSWER_OUTPUT, BOXES_OUTPUT, EMBEDDING_OUTPUT
from midrib.postprocessing import Suppression
from midrib.tasks.detection.targets import Target
from midrib.tasks.interface import ModelRequest, TaskModel
from midrib.tasks.plan import DetectionPlan


class Seen(NamedTuple):
    """What a detector answers for a batch of pictures.

    ``boxes``: float32, count × candidates × 4 (left, top, right, bottom) in pixels of the input.
    ``scores``: float32, count × candidates × classes, 0 to 1. ``embedding``: float32, count ×
    features. ``masks``: float32, count × candidates × rows × columns, 0 to 1, how probable it is
    that a part of the box is the object's; None of detectors of boxes alone.
    """

    boxes: Tensor
    scores: Tensor
    embedding: Tensor
    masks: Tensor | None = None


class Detector(TaskModel):
    """Uint8 pictures to boxes and scores, or with targets to the losses of a batch.

    Args:
        backbone: what sees.
        classes: how many there are.
        plan: the shape.
    """

    task = "detection"
    outputs: ClassVar[tuple[str, ...]] = (ANSWER_OUTPUT, EMBEDDING_OUTPUT, BOXES_OUTPUT)

    mask_cells: ClassVar[int | None] = None
    """Rows and columns of the masks that it draws within boxes; None where it finds boxes alone."""

    def __init__(self, backbone: Backbone, classes: int, plan: DetectionPlan) -> None:
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.plan = plan
        self.suppression = Suppression()
        """How candidates become objects, for a graph that chooses them itself."""

        self.normalise_by(backbone.facts.normalisation)

    @abstractmethod
    def see(self, pictures: Tensor) -> Seen:
        """Uint8 pictures, count × height × width × channels, to what is found in them."""

    @abstractmethod
    def losses(self, pictures: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """The parts of the loss of a batch by name, each a scalar."""

    def forward(self, pictures: Tensor, targets: Sequence[Target] | None = None) -> Any:
        """`see`, or with targets `losses`: wrappers for several devices know this door alone."""
        return self.see(pictures) if targets is None else self.losses(pictures, targets)

    @property
    def embedding_size(self) -> int:
        return self.backbone.facts.levels[-1].channels

    def served(self) -> nn.Module:
        return ServedDetector(self)


class ServedDetector(nn.Module):
    """What is exported: uint8 pictures to scores, embedding, boxes and, where there are, masks."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Uint8 pictures, count × height × width × channels, to what `Seen` has, in this order."""
        seen = self.detector.see(pictures)
        whole = seen.scores, seen.embedding, seen.boxes
        return whole if seen.masks is None else (*whole, seen.masks)


class PyramidDetector(Detector):
    """A detector over a feature pyramid network (Lin et al., arXiv 1612.03144)."""

    def __init__(self, backbone: Backbone, classes: int, plan: DetectionPlan) -> None:
        super().__init__(backbone, classes, plan)
        self.added = AddedLevels(backbone, plan.strides)
        channels = [level.channels for level in self.added.levels]
        self.neck = FeaturePyramidNetwork(channels, plan.channels)

    def maps(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """The pyramid's maps, finest first, and the mean of the backbone's coarsest."""
        scaled = self.normalised(pictures)
        own = self.backbone.pyramid(scaled)
        named = OrderedDict(
            (str(place), each) for place, each in enumerate(self.added(own, scaled))
        )
        return list(self.neck(named).values()), own[-1].mean(dim=(2, 3))


def plan_of(request: ModelRequest) -> DetectionPlan:
    """The plan of a request for a detector. Raises ``UsageError`` when it has none."""
    if not isinstance(request.plan, DetectionPlan):
        raise UsageError(
            "a detector without a plan",
            expected="what was derived from its backbone and data",
            todo="train it anew",
        )
    return request.plan

"""Semantic segmentation: a backbone's pyramid, a decoder, logits for every pixel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from midrib.backbones import AddedLevels, Backbone
from midrib.errors import UsageError
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT
from midrib.tasks.interface import ModelRequest, TaskModel
from midrib.tasks.segmentation.decoders import DECODERS, strides_read
from midrib.tasks.segmentation_plan import SegmentationPlan


class Segmenter(TaskModel):
    """Uint8 pictures to logits of every pixel.

    Args:
        backbone: what sees.
        classes: how many there are, background included where it is one.
        decoder: by name.
        plan: what it was derived by; its classes count in the loss as that says.

    Raises:
        UnknownNameError: no decoder has that name.
        UsageError: a map that it reads cannot be had from the backbone.
    """

    task = "segmentation"
    outputs = (ANSWER_OUTPUT, EMBEDDING_OUTPUT)

    def __init__(
        self,
        backbone: Backbone,
        classes: int,
        decoder: str = "unet",
        plan: SegmentationPlan | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.classes, self.plan = backbone, classes, plan
        own = [level.stride for level in backbone.facts.levels]
        self.added = AddedLevels(backbone, strides_read(decoder, own))
        self.decoder = DECODERS.get(decoder).make(self.added.levels)
        self.head = nn.Conv2d(self.decoder.channels, classes, kernel_size=3, padding=1)
        nn.init.normal_(self.head.weight, std=0.01)
        self.normalise_by(backbone.facts.normalisation)

    @property
    def embedding_size(self) -> int:
        """Length of the pooled embedding: the depth of the coarsest map."""
        return self.added.levels[-1].channels

    @property
    def stride(self) -> int:
        """Pixels of the input, in height and width, that one place of `see` stands for."""
        return self.decoder.stride

    def served(self) -> ServedSegmenter:
        return ServedSegmenter(self)

    def see(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to logits at the decoder's stride and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes × rows ×
        columns, and float32, count × `embedding_size`. Where height or width are no multiple of
        the coarsest stride, the last rows and columns reach beyond the pictures.
        """
        whole = _padded(self.normalised(pictures), self.added.levels[-1].stride)
        maps = self.added(self.backbone.pyramid(whole), whole)
        return self.head(self.decoder(whole, maps)), maps[-1].mean(dim=(2, 3))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to logits and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes × height ×
        width, and float32, count × `embedding_size`. Any height and width that the backbone takes.
        """
        height, width = pictures.shape[1:3]
        logits, embedding = self.see(pictures)
        if self.stride > 1:
            logits = functional.interpolate(
                logits, scale_factor=float(self.stride), mode="bilinear", align_corners=False
            )
        return logits[..., :height, :width], embedding


class ServedSegmenter(nn.Module):
    """What is exported: uint8 pictures to logits at the decoder's stride, and embedding."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Uint8 pictures, count × height × width × channels, to what `Segmenter.see` gives."""
        return self.segmenter.see(pictures)


def segmenter(request: ModelRequest) -> Segmenter:
    """The model of the algorithm that is called like its decoder.

    Raises ``UsageError`` when the request has no plan of a segmenter.
    """
    if not isinstance(request.plan, SegmentationPlan):
        raise UsageError(
            "a segmenter without a plan",
            expected="what was derived from its backbone and data",
            todo="train it anew",
        )
    return Segmenter(request.backbone, request.classes, request.options["algorithm"], request.plan)


def _padded(pictures: Tensor, stride: int) -> Tensor:
    """Pictures whose height and width are multiples of ``stride``: mean colour below and right."""
    height, width = pictures.shape[-2:]
    below, right = -height % stride, -width % stride
    return functional.pad(pictures, (0, right, 0, below)) if below or right else pictures

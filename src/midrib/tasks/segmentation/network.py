"""Semantic segmentation: a backbone's pyramid, a decoder, logits for every pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from midrib.backbones import AddedLevels, Backbone
from midrib.packages.card import ANSWER_OUTPUT, EMBEDDING_OUTPUT
from midrib.tasks.interface import TaskModel
from midrib.tasks.segmentation.decoders import DECODERS, FINER, STRIDES


class Segmenter(TaskModel):
    """Uint8 pictures to logits of every pixel.

    Args:
        backbone: what sees.
        classes: how many there are, background included where it is one.
        decoder: by name.

    Raises:
        UnknownNameError: no decoder has that name.
        UsageError: a map that it reads cannot be had from the backbone.
    """

    task = "segmentation"
    outputs = (ANSWER_OUTPUT, EMBEDDING_OUTPUT)

    def __init__(self, backbone: Backbone, classes: int, decoder: str = "unet") -> None:
        super().__init__()
        self.backbone, self.classes = backbone, classes
        kind = DECODERS.get(decoder)
        own = {level.stride for level in backbone.facts.levels}
        finer = (FINER,) if kind.reads_finer and FINER in own else ()
        self.added = AddedLevels(backbone, (*finer, *STRIDES))
        self.decoder = kind.make(self.added.levels)
        self.head = nn.Conv2d(self.decoder.channels, classes, kernel_size=3, padding=1)
        nn.init.normal_(self.head.weight, std=0.01)
        self.normalise_by(backbone.facts.normalisation)

    @property
    def embedding_size(self) -> int:
        """Length of the pooled embedding: the depth of the coarsest map."""
        return self.added.levels[-1].channels

    def served(self) -> ServedSegmenter:
        return ServedSegmenter(self)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to logits and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes × height ×
        width, and float32, count × `embedding_size`. Any height and width that the backbone takes.
        """
        height, width = pictures.shape[1:3]
        whole = _padded(self.normalised(pictures), self.added.levels[-1].stride)
        maps = self.added(self.backbone.pyramid(whole), whole)
        logits = functional.interpolate(
            self.head(self.decoder(whole, maps)),
            size=whole.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )
        return logits[..., :height, :width], maps[-1].mean(dim=(2, 3))


class ServedSegmenter(nn.Module):
    """What is exported: uint8 pictures to probabilities of every pixel, and embedding."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to probabilities and pooled embedding.

        Uint8, count × height × width × channels, 0 to 255, to float32, count × classes × height ×
        width, summing to 1 over classes, and float32, count × features.
        """
        logits, embedding = self.segmenter(pictures)
        return torch.softmax(logits, dim=1), embedding


def _padded(pictures: Tensor, stride: int) -> Tensor:
    """Pictures whose height and width are multiples of ``stride``: mean colour below and right."""
    height, width = pictures.shape[-2:]
    below, right = -height % stride, -width % stride
    return functional.pad(pictures, (0, right, 0, below)) if below or right else pictures

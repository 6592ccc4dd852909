"""What every backbone promises."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from midrib.backbones.weights.origin import Weights


@dataclass(frozen=True)
class Normalisation:
    """Per channel, on pictures scaled to 0 … 1: (picture - mean) / std."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Level:
    """One map of the pyramid.

    ``stride`` is the pixels of the picture from one cell of the map to the next, ``channels`` the
    depth of the map.
    """

    stride: int
    channels: int


@dataclass(frozen=True)
class BackboneFacts:
    """What is known of a backbone before a picture is seen. All but the weights is computed.

    ``features`` is the length of the pooled embedding; ``levels`` are the maps of the pyramid,
    finest first, empty when the backbone has none. ``native_size`` is height and width, in pixels,
    that its weights were trained at; ``smallest_size`` is the smallest height and width that it
    takes and ``resizable`` says whether it takes any larger one or the native size alone.
    ``parameters`` and ``multiply_adds`` (at the native size) are those of the backbone without a
    classifier.
    """

    name: str
    features: int
    levels: tuple[Level, ...]
    in_channels: int
    native_size: tuple[int, int]
    smallest_size: int
    resizable: bool
    crop_ratio: float
    filter: Literal["bilinear", "bicubic"]
    normalisation: Normalisation
    parameters: int
    multiply_adds: int
    weights: Weights


class Backbone(nn.Module):
    """Pictures in, pooled features or a pyramid of maps out.

    Pictures are float, normalised, count × channels × height × width.
    """

    facts: BackboneFacts

    @abstractmethod
    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures to pooled features: float, count × features."""

    @abstractmethod
    def pyramid(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Pictures to the maps of ``facts.levels``, finest first.

        Each is float, count × channels × ceil(height / stride) × ceil(width / stride), at odd
        sizes and with unpadded convolutions too.
        """

    @abstractmethod
    def stages(self) -> list[list[nn.Module]]:
        """The modules of each stage, from the stem on: what can be frozen together."""

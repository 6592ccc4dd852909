"""What every backbone promises."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from midrib.backbones.weights import Weights


@dataclass(frozen=True)
class Normalisation:
    """Per channel, on pictures scaled to 0 … 1: (picture - mean) / std."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class BackboneFacts:
    """What is known of a backbone before a picture is seen.

    ``native_size`` is height and width, in pixels, that its weights were trained at;
    ``features`` the length of the pooled embedding.
    """

    name: str
    features: int
    native_size: tuple[int, int]
    crop_ratio: float
    filter: Literal["bilinear", "bicubic"]
    normalisation: Normalisation
    weights: Weights


class Backbone(nn.Module):
    """Pictures in, pooled features out."""

    facts: BackboneFacts

    @abstractmethod
    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures to pooled features.

        Float, normalised, count × channels × height × width, to float, count × features.
        """

    @abstractmethod
    def stages(self) -> list[list[nn.Module]]:
        """The modules of each stage, from the stem on: what can be frozen together."""

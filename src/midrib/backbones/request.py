"""What a maker of backbones is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from midrib.backbones.interface import Backbone
from midrib.backbones.weights.origin import NO_WEIGHTS, Weights


@dataclass(frozen=True)
class BackboneRequest:
    """One backbone, to be made.

    ``file`` holds safetensors under the names of the network itself, with or without a classifier;
    None is a random start. ``weights`` says where they come from. ``size`` is the height and width
    that a network of a fixed size shall take; those that take any need not heed it.
    """

    file: Path | None = None
    weights: Weights = NO_WEIGHTS
    in_channels: int = 3
    size: int | None = None


BackboneMaker = Callable[[BackboneRequest], Backbone]
"""What stands behind a name; third parties enter it in the group ``midrib.backbone``."""

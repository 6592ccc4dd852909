"""Backbones by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from midrib.backbones.interface import Backbone
from midrib.backbones.start import AUTO, start_from
from midrib.backbones.timm_backbone import TimmBackbone
from midrib.backbones.weights import Weights
from midrib.names import Registry
from midrib.settings import Settings

BackboneMaker = Callable[[Path | None, Weights], Backbone]
"""Weights as safetensors (None: random start) and their origin, to the backbone."""

BACKBONES: Registry[BackboneMaker] = Registry("backbone")

TIMM_PREFIX = "timm:"


@BACKBONES.register("efficientnet-lite0")
def efficientnet_lite0(file: Path | None, weights: Weights) -> Backbone:
    """Tan and Le, arXiv 1905.11946, in its variant without squeeze-and-excitation and swish."""
    return TimmBackbone("efficientnet-lite0", "tf_efficientnet_lite0", file, weights)


def create_backbone(
    name: str, *, weights: str = AUTO, settings: Settings | None = None
) -> Backbone:
    """A backbone by name.

    Args:
        name: a registered name, or 'timm:' and any model of the installed timm.
        weights: 'auto' for pretrained ones where midrib knows where to get them, 'none' for a
            random start, or the path of a safetensors file.
        settings: where weights are kept.

    Raises:
        UnknownNameError: no backbone has that name.
        StorageError: the weights cannot be had or do not fit.
        UsageError: there are no pretrained weights that midrib could take.
    """
    maker = _maker(name)
    start = start_from(name, weights, settings or Settings())
    return maker(start.file, start.weights)


def _maker(name: str) -> BackboneMaker:
    if name.startswith(TIMM_PREFIX):
        model_name = name.removeprefix(TIMM_PREFIX)
        return lambda file, weights: TimmBackbone(name, model_name, file, weights)
    return BACKBONES.get(name)

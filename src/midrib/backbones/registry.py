"""Backbones by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from midrib.backbones.interface import Backbone
from midrib.backbones.timm_backbone import TimmBackbone
from midrib.backbones.weights import (
    NO_WEIGHTS,
    PACKAGED_WEIGHTS,
    Weights,
    packaged_safetensors,
)
from midrib.errors import UsageError
from midrib.names import Registry
from midrib.settings import Settings

BackboneMaker = Callable[[Path | None, Weights], Backbone]
"""Weights as safetensors (None: random start) and their origin, to the backbone."""

BACKBONES: Registry[BackboneMaker] = Registry("backbone")

TIMM_PREFIX = "timm:"
AUTO_WEIGHTS = "auto"
RANDOM_WEIGHTS = "none"


@BACKBONES.register("efficientnet-lite0")
def efficientnet_lite0(file: Path | None, weights: Weights) -> Backbone:
    """Tan and Le, arXiv 1905.11946, in its variant without squeeze-and-excitation and swish."""
    return TimmBackbone("efficientnet-lite0", "tf_efficientnet_lite0", file, weights)


def create_backbone(
    name: str, *, weights: str = AUTO_WEIGHTS, settings: Settings | None = None
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
    if weights == RANDOM_WEIGHTS:
        return maker(None, NO_WEIGHTS)
    if weights != AUTO_WEIGHTS:
        return maker(Path(weights), Weights(origin=weights, licence="as its owner says"))
    if name not in PACKAGED_WEIGHTS:
        raise UsageError(
            f"midrib knows no pretrained weights for '{name}'",
            expected=f"one of: {', '.join(sorted(PACKAGED_WEIGHTS))}",
            todo="add --weights FILE.safetensors, or --weights none for a random start",
        )
    file = packaged_safetensors(name, settings or Settings())
    return maker(file, PACKAGED_WEIGHTS[name].described)


def _maker(name: str) -> BackboneMaker:
    if name.startswith(TIMM_PREFIX):
        model_name = name.removeprefix(TIMM_PREFIX)
        return lambda file, weights: TimmBackbone(name, model_name, file, weights)
    return BACKBONES.get(name)

"""Backbones by name."""

from __future__ import annotations

from midrib.backbones.adapters.timm_backbone import TimmBackbone, require_timm_model
from midrib.backbones.adapters.torchvision_backbone import TorchvisionBackbone
from midrib.backbones.adapters.torchvision_models import require_torchvision_model
from midrib.backbones.catalogue import (
    BACKBONE_KIND,
    CATALOGUE,
    TIMM_PREFIX,
    TORCHVISION_PREFIX,
    Entry,
    canonical_name,
)
from midrib.backbones.interface import Backbone
from midrib.backbones.request import BackboneMaker, BackboneRequest
from midrib.backbones.weights.start import AUTO, RANDOM, start_from
from midrib.errors import UsageError
from midrib.names import Registry
from midrib.settings import Settings

BACKBONES: Registry[BackboneMaker] = Registry(BACKBONE_KIND)


def create_backbone(
    name: str,
    *,
    weights: str = AUTO,
    pretrained: bool | None = None,
    in_channels: int = 3,
    size: int | None = None,
    settings: Settings | None = None,
) -> Backbone:
    """A backbone by name.

    Args:
        name: a registered name, or 'timm:' or 'torchvision:' and any of their models.
        weights: 'auto' for pretrained ones where midrib knows where to get them, 'none' for a
            random start, or what else `start_from` takes.
        pretrained: short for the weights 'auto' or 'none'.
        in_channels: of the pictures; pretrained weights are kept, their first layer adapted.
        size: height and width of the pictures, for backbones that are made for one size; the
            others take any from ``facts.smallest_size`` on.
        settings: where weights are kept.

    Raises:
        UnknownNameError: no backbone has that name.
        StorageError: the weights cannot be had or do not fit.
        UsageError: there are no pretrained weights that midrib could take, or the backbone cannot
            be made for those channels or that size.
    """
    name = canonical_name(name)
    _require_possible(in_channels, size)
    weights = _weights_meant(weights, pretrained)
    maker = _maker(name)
    start = start_from(name, weights, settings or Settings())
    return maker(BackboneRequest(start.file, start.weights, in_channels, size))


def _weights_meant(weights: str, pretrained: bool | None) -> str:  # noqa: FBT001 - as it is given
    if pretrained is None:
        return weights
    if weights != AUTO:
        raise UsageError(
            f"weights '{weights}' and pretrained={pretrained}",
            expected="one of the two",
            todo="leave pretrained out",
        )
    return AUTO if pretrained else RANDOM


def _require_possible(in_channels: int, size: int | None) -> None:
    if in_channels < 1 or (size is not None and size < 1):
        raise UsageError(
            f"a backbone for pictures of {in_channels} channels"
            + (f" and {size} pixels" if size is not None else ""),
            expected="1 or more of both",
            todo="say what the pictures have",
        )


def _maker(name: str) -> BackboneMaker:
    if name.startswith(TIMM_PREFIX):
        model_name = name.removeprefix(TIMM_PREFIX)
        require_timm_model(model_name)
        return lambda request: TimmBackbone(name, model_name, request)
    if name.startswith(TORCHVISION_PREFIX):
        model_name = name.removeprefix(TORCHVISION_PREFIX)
        require_torchvision_model(model_name)
        return lambda request: TorchvisionBackbone(name, model_name, request)
    return BACKBONES.get(name)


def _maker_of(entry: Entry) -> BackboneMaker:
    kind = TimmBackbone if entry.source == "timm" else TorchvisionBackbone
    return lambda request: kind(entry.name, entry.model, request)


for _entry in CATALOGUE.values():
    BACKBONES.register(_entry.name)(_maker_of(_entry))

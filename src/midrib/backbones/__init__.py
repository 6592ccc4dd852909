"""What sees: one interface over every backbone, and the weights they start from.

Rooms that need torch are loaded on first use, so that names can be checked and listed at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from midrib.backbones.catalogue import CATALOGUE, Entry, canonical_name
from midrib.backbones.weights.origin import NO_WEIGHTS, Weights

if TYPE_CHECKING:
    from midrib.backbones.interface import Backbone, BackboneFacts, Level, Normalisation
    from midrib.backbones.pyramid.levels import AddedLevels, PyramidLevels
    from midrib.backbones.registry import BACKBONES, create_backbone
    from midrib.backbones.request import BackboneMaker, BackboneRequest

__all__ = [
    "BACKBONES",
    "CATALOGUE",
    "NO_WEIGHTS",
    "AddedLevels",
    "Backbone",
    "BackboneFacts",
    "BackboneMaker",
    "BackboneRequest",
    "Entry",
    "Level",
    "Normalisation",
    "PyramidLevels",
    "Weights",
    "canonical_name",
    "create_backbone",
]

_MODULES = {
    "BACKBONES": "registry",
    "create_backbone": "registry",
    "BackboneMaker": "request",
    "BackboneRequest": "request",
    "AddedLevels": "pyramid.levels",
    "PyramidLevels": "pyramid.levels",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'interface')}")
    return getattr(module, name)

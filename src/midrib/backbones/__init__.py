"""What sees: one interface over every backbone, and the weights they start from."""

from midrib.backbones.interface import Backbone, BackboneFacts, Normalisation
from midrib.backbones.registry import BACKBONES, create_backbone
from midrib.backbones.weights import NO_WEIGHTS, Weights

__all__ = [
    "BACKBONES",
    "NO_WEIGHTS",
    "Backbone",
    "BackboneFacts",
    "Normalisation",
    "Weights",
    "create_backbone",
]

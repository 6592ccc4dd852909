"""A classifier from a random start: what a network costs does not depend on what it has learnt."""

from __future__ import annotations

import torch

from midrib.backbones.adapters.fitting import require_fitting
from midrib.backbones.registry import create_backbone
from midrib.backbones.weights.start import RANDOM
from midrib.tasks import Classifier

CLASSES = 10
"""Of the head: next to its backbone it costs nothing, however many there are."""

_SEED = 0


def untrained_classifier(backbone: str, size: int | None) -> Classifier:
    """The backbone with its head, for evaluation; the same at every call, and never downloaded.

    Raises ``UsageError`` when the backbone takes no pictures of that size.
    """
    torch.manual_seed(_SEED)
    made = create_backbone(backbone, weights=RANDOM, size=size)
    height, width = (size, size) if size else made.facts.native_size
    require_fitting(made.facts, torch.empty(1, made.facts.in_channels, height, width))
    return Classifier(made, CLASSES, dropout=0.0).eval()

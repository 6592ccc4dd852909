"""A classifier from a random start: what a network costs does not depend on what it has learnt."""

from __future__ import annotations

import torch

from midrib.backbones.registry import create_backbone
from midrib.backbones.start import RANDOM
from midrib.tasks import Classifier

CLASSES = 10
"""Of the head: next to its backbone it costs nothing, however many there are."""

_SEED = 0


def untrained_classifier(backbone: str, size: int | None) -> Classifier:
    """The backbone with its head, for evaluation; the same at every call, and never downloaded."""
    torch.manual_seed(_SEED)
    made = create_backbone(backbone, weights=RANDOM, size=size)
    return Classifier(made, CLASSES, dropout=0.0).eval()

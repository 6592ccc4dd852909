"""What others say of a backbone's accuracy: told beside the costs, measured by nobody here."""

from __future__ import annotations

from dataclasses import dataclass

from midrib.backbones.catalogue import TORCHVISION_PREFIX
from midrib.backbones.counted import read_counts


@dataclass(frozen=True)
class Published:
    """Share of ImageNet's validation pictures named rightly, in percent, and who published it.

    It is that of the published weights at their own size, in fp32.
    """

    top1: float
    source: str


def published_top1(backbone: str) -> Published | None:
    """What is published of ``backbone``; None where midrib knows of nothing."""
    if backbone.startswith(TORCHVISION_PREFIX):
        return _of_torchvision(backbone.removeprefix(TORCHVISION_PREFIX))
    known = read_counts().get(backbone)
    if known is None or known.top1 is None:
        return None
    return Published(known.top1, known.top1_source)


def _of_torchvision(model: str) -> Published:
    from midrib.backbones.torchvision_models import preset_of

    preset = preset_of(model)
    return Published(preset.top1, f"torchvision, {preset.weights}, at {preset.size} pixels")

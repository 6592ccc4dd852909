"""What others say of a backbone's accuracy: told beside the costs, measured by nobody here."""

from __future__ import annotations

from dataclasses import dataclass

from midrib.backbones.catalogue import TORCHVISION_PREFIX
from midrib.backbones.listing.counted import read_counts


@dataclass(frozen=True)
class Published:
    """Share of ImageNet's validation pictures named rightly, in percent, and who published it.

    It is that of the published weights at their own size, in fp32.
    """

    top1: float
    source: str


def published_top1(backbone: str) -> Published | None:
    """What is published of ``backbone``; None where midrib knows of nothing."""
    top1, source = _told(backbone)
    return None if top1 is None else Published(top1, source)


def _told(backbone: str) -> tuple[float | None, str]:
    if backbone.startswith(TORCHVISION_PREFIX):
        from midrib.backbones.listing import counting

        return counting.published_top1(backbone)
    known = read_counts().get(backbone)
    return (known.top1, known.top1_source) if known else (None, "")

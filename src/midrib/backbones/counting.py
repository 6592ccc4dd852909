"""Count every built-in backbone.

    python -m midrib.backbones.counting

writes counts.json beside this file. A test counts again, so that it cannot go stale.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from torch import nn

from midrib.backbones.catalogue import CATALOGUE, Entry
from midrib.backbones.costs import multiply_adds, parameters
from midrib.backbones.counted import COUNTS_FILE, PUBLISHED_SIZE, Counts
from midrib.backbones.interface import BackboneFacts
from midrib.backbones.probing import meta_pictures, on_meta
from midrib.backbones.registry import create_backbone
from midrib.backbones.stem import RGB
from midrib.backbones.timm_backbone import create_timm_model
from midrib.backbones.torchvision_models import create_torchvision_model, preset_of
from midrib.storage import write_json

_CLASSES = 1000


@dataclass(frozen=True)
class PublishedCounts:
    """Of a published network with its classifier of 1,000 classes.

    ``multiply_adds`` are those of one picture of ``size`` pixels in height and width.
    """

    parameters: int
    multiply_adds: int
    size: int


def published_counts(name: str, size: int = PUBLISHED_SIZE) -> PublishedCounts:
    """Count the published network of a built-in backbone, without auxiliary heads.

    Args:
        name: canonical name.
        size: height and width of the picture, in pixels.

    Raises:
        KeyError: no built-in backbone has that name.
    """
    network = on_meta(lambda: _published_network(CATALOGUE[name])).eval()
    count = multiply_adds(network, meta_pictures(RGB, size, size))
    return PublishedCounts(parameters(network), count, size)


def count(name: str) -> Counts:
    """Count a built-in backbone, alone and as published."""
    facts = facts_without_weights(name)
    native = facts.native_size[0]
    at_native, at_224 = published_counts(name, native), published_counts(name)
    top1, top1_source = published_top1(CATALOGUE[name])
    return Counts(
        name=name,
        published_parameters=at_native.parameters,
        published_multiply_adds=at_native.multiply_adds,
        published_multiply_adds_at_224=at_224.multiply_adds,
        top1=top1,
        top1_source=top1_source,
        parameters=facts.parameters,
        multiply_adds=facts.multiply_adds,
        features=facts.features,
        levels=tuple((level.stride, level.channels) for level in facts.levels),
        native_size=native,
        smallest_size=facts.smallest_size,
    )


def facts_without_weights(name: str) -> BackboneFacts:
    """What is known of a backbone, for any name that `create_backbone` takes."""
    made: list[BackboneFacts] = []

    def make() -> nn.Module:
        backbone = create_backbone(name, weights="none")
        made.append(backbone.facts)
        return backbone

    on_meta(make)
    return made[-1]


def published_top1(entry: Entry) -> tuple[float, str]:
    """Published accuracy on ImageNet in percent, and who published it."""
    if entry.top1 is not None:
        return entry.top1, entry.top1_source
    preset = preset_of(entry.model)
    return preset.top1, f"torchvision, {preset.weights}, at {preset.size} pixels"


def _published_network(entry: Entry) -> nn.Module:
    if entry.source == "torchvision":
        return create_torchvision_model(entry.model)
    model: nn.Module = create_timm_model(entry.model, classes=_CLASSES)
    return model


def main() -> int:
    rows = [count(name).model_dump(mode="json") for name in CATALOGUE]
    write_json(COUNTS_FILE, {"backbones": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())

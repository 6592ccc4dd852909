"""Count every built-in backbone.

    python -m midrib.backbones.listing.counting

writes counts.json beside this file. A test counts again, so that it cannot go stale.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from torch import nn

from midrib.backbones.adapters.probing import meta_pictures, on_meta
from midrib.backbones.adapters.timm_backbone import create_timm_model
from midrib.backbones.adapters.torchvision_models import create_torchvision_model, preset_of
from midrib.backbones.catalogue import CATALOGUE, library_of
from midrib.backbones.interface import BackboneFacts
from midrib.backbones.listing.costs import multiply_adds, parameters
from midrib.backbones.listing.counted import COUNTS_FILE, PUBLISHED_SIZE, Counts
from midrib.backbones.registry import create_backbone
from midrib.backbones.weights.stem import RGB
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
    """Count the published network of a backbone, without auxiliary heads.

    Args:
        name: canonical name; of a third party's backbone it is the backbone alone.
        size: height and width of the picture, in pixels.
    """
    network = on_meta(lambda: published_network(name)).eval()
    count = multiply_adds(network, meta_pictures(RGB, size, size))
    return PublishedCounts(parameters(network), count, size)


def count(name: str) -> Counts:
    """Count a backbone, alone and as published. Raises ``UnknownNameError``."""
    facts = facts_without_weights(name)
    native = facts.native_size[0]
    at_native = published_counts(name, native)
    top1, top1_source = published_top1(name)
    return Counts(
        name=name,
        published_parameters=at_native.parameters,
        published_multiply_adds=at_native.multiply_adds,
        published_multiply_adds_at_224=_at_224(facts, at_native),
        top1=top1,
        top1_source=top1_source,
        parameters=facts.parameters,
        multiply_adds=facts.multiply_adds,
        features=facts.features,
        levels=tuple((level.stride, level.channels) for level in facts.levels),
        native_size=native,
        smallest_size=facts.smallest_size,
    )


def _at_224(facts: BackboneFacts, at_native: PublishedCounts) -> int | None:
    if at_native.size == PUBLISHED_SIZE:
        return at_native.multiply_adds
    if not facts.resizable or facts.smallest_size > PUBLISHED_SIZE:
        return None
    return published_counts(facts.name).multiply_adds


def facts_without_weights(name: str) -> BackboneFacts:
    """What is known of a backbone, for any name that `create_backbone` takes."""
    made: list[BackboneFacts] = []

    def make() -> nn.Module:
        backbone = create_backbone(name, weights="none")
        made.append(backbone.facts)
        return backbone

    on_meta(make)
    return made[-1]


def published_top1(name: str) -> tuple[float | None, str]:
    """Published accuracy on ImageNet in percent, and who published it."""
    entry = CATALOGUE.get(name)
    if entry is not None and entry.top1 is not None:
        return entry.top1, entry.top1_source
    library, model = library_of(name) or ("", "")
    if library != "torchvision":
        return None, ""
    preset = preset_of(model)
    return preset.top1, f"torchvision, {preset.weights}, at {preset.size} pixels"


def published_network(name: str) -> nn.Module:
    """The network of a backbone as published: 1,000 classes, no auxiliary heads, random weights."""
    library, model = library_of(name) or ("", "")
    if library == "torchvision":
        return create_torchvision_model(model)
    if library != "timm":
        return create_backbone(name, weights="none")
    network: nn.Module = create_timm_model(model, classes=_CLASSES)
    return network


def main() -> int:
    rows = [count(name).model_dump(mode="json") for name in CATALOGUE]
    write_json(COUNTS_FILE, {"backbones": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())

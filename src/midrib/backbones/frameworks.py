"""What trains, and whose backbones it can take. Nothing here loads torch."""

from __future__ import annotations

from dataclasses import dataclass

from midrib.backbones.listing.listed import PLUGIN
from midrib.names import Registry


@dataclass(frozen=True)
class Framework:
    """``takes`` are the sources of backbones that midrib has an adapter for; none is 'not yet'."""

    title: str
    takes: frozenset[str]

    @property
    def stands(self) -> bool:
        return bool(self.takes)


FRAMEWORKS: Registry[Framework] = Registry("framework")


FRAMEWORKS.register("pytorch")(Framework("PyTorch", frozenset({"timm", "torchvision", PLUGIN})))
FRAMEWORKS.register("tensorflow")(Framework("TensorFlow and Keras", frozenset()))
FRAMEWORKS.register("tao")(Framework("NVIDIA TAO", frozenset()))

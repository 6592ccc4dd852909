"""What a network does, found by running it on the meta device: shapes without numbers.

Nothing is allocated and nothing computed, so that the largest network is measured in a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from midrib.backbones.interface import Level
from midrib.backbones.listing.costs import multiply_adds, parameters

# Divisible by strides 1 to 64 in powers of two and by 7 and 14, so that the growth of a map tells
# its stride exactly, whatever its convolutions lose at the border.
GROWTH = 448
_ODD = (1, 3)


@dataclass(frozen=True)
class FoundLevel:
    """A map of the network: which of those it was asked for, and how its axes lie."""

    index: int
    level: Level
    channels_last: bool = False


@dataclass(frozen=True)
class Findings:
    """The levels of a pyramid, finest first, and whether the network takes larger pictures."""

    found: tuple[FoundLevel, ...]
    grows: bool


@dataclass(frozen=True)
class Measured:
    """What was found: see ``BackboneFacts`` for the numbers."""

    features: int
    found: tuple[FoundLevel, ...]
    smallest_size: int
    resizable: bool
    parameters: int
    multiply_adds: int

    @property
    def levels(self) -> tuple[Level, ...]:
        return tuple(each.level for each in self.found)


Module = TypeVar("Module", bound=nn.Module)

Maps = Callable[[Tensor], Sequence[object]]
"""Pictures to the maps of a network in the order of depth; what is no map is passed over."""


def meta_pictures(channels: int, height: int, width: int) -> Tensor:
    """One picture without content: 1 × channels × height × width."""
    return torch.empty(1, channels, height, width, device="meta")


def on_meta(make: Callable[[], Module]) -> Module:
    """What ``make`` makes, without numbers.

    Networks that compute their widths in tensors, as torchvision's RegNet, cannot be made so; they
    are made on the CPU and moved. Nothing there can be learned.
    """
    try:
        with torch.device("meta"):
            made = make()
    except NotImplementedError:
        with torch.device("cpu"):
            made = make().to("meta")
    return made.requires_grad_(requires_grad=False)


def takes(run: Callable[[Tensor], object], channels: int, height: int, width: int) -> bool:
    """Whether a network takes pictures of that size."""
    try:
        with torch.no_grad():
            run(meta_pictures(channels, height, width))
    except Exception:  # noqa: BLE001 - libraries say in many ways that a size does not fit
        return False
    return True


def measure(
    network: nn.Module, features: Callable[[Tensor], Tensor], findings: Findings, pictures: Tensor
) -> Measured:
    """Measure a network on the meta device.

    Args:
        network: the module whose parameters are counted, in evaluation.
        features: pictures to pooled features, count × features.
        findings: the levels of its pyramid.
        pictures: one, of the size and channels that the network was made for.
    """
    channels, native = pictures.shape[1], pictures.shape[2]
    resizable = findings.grows and takes(features, channels, native + _ODD[0], native + _ODD[1])
    pooled: list[Tensor] = []
    count = multiply_adds(lambda each: pooled.append(features(each)), pictures)
    return Measured(
        features=pooled[0].shape[1],
        found=findings.found,
        smallest_size=smallest_size(features, channels, native) if resizable else native,
        resizable=resizable,
        parameters=parameters(network),
        multiply_adds=count,
    )


def smallest_size(run: Callable[[Tensor], object], channels: int, largest: int) -> int:
    """The smallest height and width that a network takes, between 1 and ``largest``."""
    if takes(run, channels, 1, 1):
        return 1
    low, high = 2, largest
    while low < high:
        middle = (low + high) // 2
        if takes(run, channels, middle, middle):
            high = middle
        else:
            low = middle + 1
    return high


def find_levels(maps: Maps, channels: int, native: int) -> Findings:
    """The deepest map of each stride, finest first.

    The picture grows in height alone, so that the axis that grows with it is the map's height and
    tells whether channels come first or last. A network that does not take the larger picture is
    taken at its word at its own size.
    """
    larger: list[Sequence[object]] = []
    grows = takes(lambda each: larger.append(maps(each)), channels, native + GROWTH, native)
    with torch.no_grad():
        before = maps(meta_pictures(channels, native, native))
    if not grows:
        found = (_at_native(index, each, native) for index, each in enumerate(before))
        return Findings(_deepest(found), grows)
    pairs = zip(before, larger[0], strict=True)
    return Findings(_deepest(_grown(index, *pair) for index, pair in enumerate(pairs)), grows)


def _deepest(found: Iterable[FoundLevel | None]) -> tuple[FoundLevel, ...]:
    by_stride = {each.level.stride: each for each in found if each is not None}
    return tuple(by_stride[stride] for stride in sorted(by_stride))


def _grown(index: int, before: object, after: object) -> FoundLevel | None:
    if not (isinstance(before, Tensor) and isinstance(after, Tensor)):
        return None
    if before.ndim != 4 or after.ndim != 4:
        return None
    growths = [long - short for short, long in zip(before.shape, after.shape, strict=True)]
    axis = next((axis for axis, growth in enumerate(growths) if growth > 0), 0)
    if axis not in {1, 2} or GROWTH % growths[axis] or sum(map(bool, growths)) != 1:
        return None
    level = Level(stride=GROWTH // growths[axis], channels=before.shape[1 if axis == 2 else 3])
    return FoundLevel(index, level, channels_last=axis == 1)


def _at_native(index: int, found: object, native: int) -> FoundLevel | None:
    if not isinstance(found, Tensor) or found.ndim != 4:
        return None
    shape = found.shape
    channels_last = shape[2] != shape[3]
    height, channels = (shape[1], shape[3]) if channels_last else (shape[2], shape[1])
    if height < 2:
        return None
    return FoundLevel(index, Level(_stride(native, height), channels), channels_last)


def _stride(size: int, cells: int) -> int:
    """The stride that gives so many cells over ``size`` pixels, rounded up: the most even one."""
    able = [stride for stride in range(1, size + 1) if -(-size // stride) == cells]
    if size % cells == 0 or not able:
        return round(size / cells)
    return max(able, key=lambda stride: stride & -stride)

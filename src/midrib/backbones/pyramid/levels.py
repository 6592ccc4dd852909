"""Levels that a head asks for and its backbone lacks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from midrib.backbones.interface import Backbone, Level
from midrib.backbones.pyramid.alignment import align_all
from midrib.backbones.pyramid.strides import (
    COARSE_CHANNELS,
    MOST_REFINEMENT,
    channels_at,
    doublings,
    source_of,
)
from midrib.errors import UsageError


class AddedLevels(nn.Module):
    """A backbone's maps to those at the strides asked for, with layers for those it lacks.

    A coarser map comes from the coarsest one by a 3×3 convolution of stride 2, batch normalisation
    and ReLU for each halving. A finer one comes from the finest map below it by a transposed 2×2
    convolution of stride 2 for each doubling, with batch normalisation and GELU between two of
    them, and half the channels after each, as in ViTDet's simple feature pyramid. What is added
    starts from nothing; ``added`` has the strides.

    Args:
        backbone: what gives the maps; it is no part of this.
        strides: of the maps, in pixels.

    Raises:
        UsageError: a stride cannot be had from the backbone's levels.
    """

    def __init__(self, backbone: Backbone, strides: Sequence[int] = (8, 16, 32)) -> None:
        super().__init__()
        own = backbone.facts.levels
        self._sources = [_source(backbone, stride) for stride in strides]
        self.additions = nn.ModuleList(
            _addition(own[source], stride)
            for source, stride in zip(self._sources, strides, strict=True)
        )
        self.levels = tuple(
            Level(stride, channels_at(stride, [(level.stride, level.channels) for level in own]))
            for stride in strides
        )
        known = {level.stride for level in own}
        self.added = tuple(stride for stride in strides if stride not in known)

    def forward(self, own: Sequence[Tensor], pictures: Tensor) -> tuple[Tensor, ...]:
        """The backbone's maps of ``pictures`` to maps in the order of the strides asked for.

        Float, count × channels × height × width, to float, count × channels of the level ×
        ceil(height / stride) × ceil(width / stride).
        """
        maps = [
            addition(own[source])
            for source, addition in zip(self._sources, self.additions, strict=True)
        ]
        return align_all(maps, self.levels, pictures)

    def describe(self) -> list[str]:
        """One line a level: stride, channels and whether it was added."""
        return [
            f"stride {level.stride}: {level.channels} channels"
            + (", added" if level.stride in self.added else "")
            for level in self.levels
        ]


class PyramidLevels(nn.Module):
    """A backbone with its `AddedLevels`: pictures to maps at the strides asked for.

    Args:
        backbone: what sees.
        strides: of the maps, in pixels.

    Raises:
        UsageError: a stride cannot be had from the backbone's levels.
    """

    def __init__(self, backbone: Backbone, strides: Sequence[int] = (8, 16, 32)) -> None:
        super().__init__()
        self.backbone = backbone
        self.own_and_added = AddedLevels(backbone, strides)
        self.levels = self.own_and_added.levels
        self.added = self.own_and_added.added

    @property
    def additions(self) -> nn.ModuleList:
        """The added layers, one a stride."""
        return self.own_and_added.additions

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Float pictures, count × channels × height × width, to maps as `AddedLevels` has them."""
        maps: tuple[Tensor, ...] = self.own_and_added(self.backbone.pyramid(pictures), pictures)
        return maps

    def describe(self) -> list[str]:
        """One line a level: stride, channels and whether it was added."""
        return self.own_and_added.describe()


def _source(backbone: Backbone, stride: int) -> int:
    """The level that a map of ``stride`` is taken or made from, by its place."""
    own = [level.stride for level in backbone.facts.levels]
    place = source_of(stride, own)
    if place is None:
        raise UsageError(
            f"{backbone.facts.name} cannot give a map of stride {stride}",
            expected=f"one of its own strides ({', '.join(map(str, own)) or 'none'}), the "
            f"coarsest doubled, or one made finer by {MOST_REFINEMENT} at most",
            todo="ask for other strides, or choose another backbone",
        )
    return place


def _addition(source: Level, stride: int) -> nn.Module:
    if stride == source.stride:
        return nn.Identity()
    if stride > source.stride:
        return _coarser(source.channels, doublings(stride, source.stride) or 0)
    return _finer(source.channels, doublings(source.stride, stride) or 0)


def _coarser(channels: int, times: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(times):
        convolution = nn.Conv2d(channels, COARSE_CHANNELS, 3, stride=2, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(COARSE_CHANNELS), nn.ReLU()]
        channels = COARSE_CHANNELS
    return nn.Sequential(*layers)


def _finer(channels: int, times: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(times):
        if layers:
            layers += [nn.BatchNorm2d(channels), nn.GELU()]
        layers.append(nn.ConvTranspose2d(channels, channels // 2, 2, stride=2))
        channels //= 2
    return nn.Sequential(*layers)

"""Decoders by name: segmentation-models-pytorch's, on the maps of our backbones.

Channels and strides are computed from the backbone. Sizes are multiples of the coarsest stride, so
that each map is exactly so many times as large as the next.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from segmentation_models_pytorch.decoders.deeplabv3.decoder import (
    ASPPPooling,
    DeepLabV3PlusDecoder,
)
from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from segmentation_models_pytorch.decoders.pspnet.decoder import PSPDecoder
from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder
from torch import Tensor, nn
from torch.nn import functional

from midrib.backbones import Level
from midrib.names import Registry

STRIDES = (4, 8, 16, 32)
"""Of the maps that every decoder reads."""

FINER = 2
"""Stride of the map that some read too, where a backbone has it."""

_UNET_CHANNELS = (256, 128, 64, 32, 16)
_DEEPLAB_CHANNELS = 256
_DEEPLAB_RATES = (12, 24, 36)  # Chen et al., arXiv 1802.02611, at an output stride of 16
_DEEPLAB_DROPOUT = 0.5
_GROUPS = 4
_PSP_CHANNELS = 512


class Decoder(nn.Module):
    """Maps of a backbone to one map from which classes are told.

    ``channels`` is that map's depth, ``stride`` the pixels, in height and width, that one place
    of it stands for.
    """

    channels: int
    stride: int

    @abstractmethod
    def forward(self, pictures: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """Normalised pictures and their maps, finest first, to one map.

        Float, count × channels × height × width; ``pictures`` give the size alone.
        """


DecoderMaker = Callable[[Sequence[Level]], Decoder]
"""The levels of the maps, finest first, to a decoder."""


@dataclass(frozen=True)
class DecoderKind:
    """What stands behind a name: ``make``, and whether it reads a map of stride `FINER` too."""

    make: DecoderMaker
    reads_finer: bool = False


DECODERS: Registry[DecoderKind] = Registry("decoder")


class _Wrapped(Decoder):
    """A decoder that takes the pictures as its finest map, and ``reads`` the coarsest others."""

    def __init__(self, decoder: nn.Module, channels: int, stride: int, reads: int) -> None:
        super().__init__()
        self.decoder, self.channels, self.stride, self._reads = decoder, channels, stride, reads

    def forward(self, pictures: Tensor, maps: Sequence[Tensor]) -> Tensor:
        decoded: Tensor = self.decoder([pictures, *maps[-self._reads :]])
        return decoded


class _DeepLabV3Plus(Decoder):
    """Atrous pooling at stride 16, joined with the map of stride 4: Chen et al., arXiv 1802.02611.

    What the paper has of a backbone whose last stage is dilated comes from the maps of stride 16
    and 32 together: not every backbone can be dilated.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        depth = {level.stride: level.channels for level in levels}
        self.channels, self.stride = _DEEPLAB_CHANNELS, STRIDES[0]
        self.decoder = DeepLabV3PlusDecoder(
            encoder_channels=(0, 0, depth[4], depth[16] + depth[32]),
            encoder_depth=4,
            out_channels=_DEEPLAB_CHANNELS,
            atrous_rates=_DEEPLAB_RATES,
            output_stride=16,
            aspp_separable=True,
            aspp_dropout=_DEEPLAB_DROPOUT,
        )
        for module in self.decoder.modules():
            if isinstance(module, ASPPPooling):
                _normalise_nothing(module, depth[16] + depth[32])

    def forward(self, pictures: Tensor, maps: Sequence[Tensor]) -> Tensor:
        finest, _, coarse, coarsest = maps[-4:]
        joined = _joined([coarse, coarsest])
        decoded: Tensor = self.decoder([pictures, pictures, finest, joined])
        return decoded


def _normalise_nothing(pooling: nn.Sequential, channels: int) -> None:
    """Leave out the normalisation of one number a channel, which a batch of one has none for.

    As smp's own PSPNet has it for what it pools over the whole picture.
    """
    pooling[1] = nn.Conv2d(channels, _DEEPLAB_CHANNELS, kernel_size=1)
    pooling[2] = nn.Identity()


class _PspNet(Decoder):
    """Pooling over the whole picture and parts of it, at stride 8: Zhao et al., arXiv 1612.01105.

    What the paper has of a dilated backbone comes from the maps of stride 8, 16 and 32 together.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        super().__init__()
        depth = sum(level.channels for level in levels[-3:])
        self.channels, self.stride = _PSP_CHANNELS, levels[-3].stride
        # Pooled maps take a quarter of the channels each.
        even = -(-depth // _GROUPS) * _GROUPS
        self.narrow = nn.Identity() if even == depth else nn.Conv2d(depth, even, kernel_size=1)
        self.decoder = PSPDecoder(encoder_channels=[even], out_channels=_PSP_CHANNELS)

    def forward(self, pictures: Tensor, maps: Sequence[Tensor]) -> Tensor:  # noqa: ARG002 - the promise of every decoder
        decoded: Tensor = self.decoder([self.narrow(_joined(maps[-3:]))])
        return decoded


def unet(levels: Sequence[Level]) -> Decoder:
    """Ronneberger et al., arXiv 1505.04597: up step by step, each joined with the map there."""
    channels = _UNET_CHANNELS[-len(levels) :]
    decoder = UnetDecoder(_depths(levels), channels, n_blocks=len(levels))
    return _Wrapped(decoder, channels[-1], levels[0].stride // 2, len(levels))


def unet_plus_plus(levels: Sequence[Level]) -> Decoder:
    """Zhou et al., arXiv 1807.10165: a U-Net with maps between those that it joins."""
    channels = _UNET_CHANNELS[-len(levels) :]
    decoder = UnetPlusPlusDecoder(_depths(levels), channels, n_blocks=len(levels))
    return _Wrapped(decoder, channels[-1], levels[0].stride // 2, len(levels))


def fpn(levels: Sequence[Level]) -> Decoder:
    """Kirillov et al., arXiv 1901.02446: a feature pyramid whose levels are added up."""
    decoder = FPNDecoder(_depths(levels[-4:]))
    return _Wrapped(decoder, decoder.out_channels, STRIDES[0], len(STRIDES))


def segformer(levels: Sequence[Level]) -> Decoder:
    """Xie et al., arXiv 2105.15203: one linear layer a level, joined at stride 4."""
    decoder = SegformerDecoder(_depths(levels[-4:]))
    return _Wrapped(decoder, decoder.fuse_stage[0].out_channels, STRIDES[0], len(STRIDES))


DECODERS.register("unet")(DecoderKind(unet, reads_finer=True))
DECODERS.register("unet++")(DecoderKind(unet_plus_plus, reads_finer=True))
DECODERS.register("fpn")(DecoderKind(fpn))
DECODERS.register("deeplabv3+")(DecoderKind(_DeepLabV3Plus))
DECODERS.register("pspnet")(DecoderKind(_PspNet))
DECODERS.register("segformer")(DecoderKind(segformer))


def strides_read(decoder: str, own: Sequence[int]) -> tuple[int, ...]:
    """Strides of the maps that a decoder reads over a backbone with maps of strides ``own``.

    Raises ``UnknownNameError`` for a decoder that there is not.
    """
    finer = DECODERS.get(decoder).reads_finer and FINER in own
    return (FINER, *STRIDES) if finer else STRIDES


def _depths(levels: Sequence[Level]) -> list[int]:
    """Channels of the maps, finest first; before them those of the pictures, which none reads."""
    return [3, *(level.channels for level in levels)]


def _joined(maps: Sequence[Tensor]) -> Tensor:
    """Maps at the size of the first, one behind the other."""
    size = maps[0].shape[-2:]
    scaled = [
        functional.interpolate(each, size=size, mode="bilinear", align_corners=False)
        for each in maps[1:]
    ]
    return torch.cat([maps[0], *scaled], dim=1)

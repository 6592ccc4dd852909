"""Pretrained weights for pictures of other than three channels.

The rule is timm's: one channel gets the sum of the three, for then a grey picture is seen as if it
had been given three times; more channels get the three in turn, scaled so that the activations stay
as large as they were.
"""

from __future__ import annotations

from timm.models import adapt_input_conv
from torch import Tensor, nn

from midrib.backbones.interface import Normalisation

RGB = 3


def adapt_stem(weight: Tensor, in_channels: int) -> Tensor:
    """The weight of a first layer, made for three channels, for ``in_channels`` of them.

    Args:
        weight: of a convolution, out × in × height × width, or of a linear layer over patches,
            out × in. Stems that fold pixels into channels have a multiple of three as in, with
            the colours innermost.
        in_channels: of the pictures.
    """
    if in_channels == RGB:
        return weight
    outputs, folded = weight.shape[0], weight.shape[1] // RGB
    kernel = weight.shape[2:] or (1, 1)
    separate = weight.reshape(outputs * folded, RGB, *kernel)
    adapted = adapt_input_conv(in_channels, separate.clone())
    return adapted.reshape(outputs, folded * in_channels, *weight.shape[2:])


def adapt_normalisation(normalisation: Normalisation, in_channels: int) -> Normalisation:
    """Mean and deviation of the three colours for ``in_channels``: their means, or in turn."""
    return Normalisation(
        mean=_per_channel(normalisation.mean, in_channels),
        std=_per_channel(normalisation.std, in_channels),
    )


def first_convolution(network: nn.Module) -> str:
    """The name of the first convolution of a network."""
    modules = network.named_modules()
    return next(str(name) for name, each in modules if isinstance(each, nn.Conv2d))


def widen_first_convolution(network: nn.Module, in_channels: int) -> None:
    """Put a new first convolution for ``in_channels`` into the place of the one for three."""
    name = first_convolution(network)
    old = network.get_submodule(name)
    if not isinstance(old, nn.Conv2d):
        raise TypeError(f"{name} is no convolution")
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        stride=old.stride,  # type: ignore[arg-type]
        padding=old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    new.weight = nn.Parameter(adapt_stem(old.weight.detach(), in_channels))
    new.bias = old.bias
    network.set_submodule(name, new)


def _per_channel(values: tuple[float, ...], in_channels: int) -> tuple[float, ...]:
    if in_channels == 1:
        return (sum(values) / len(values),)
    return tuple(values[channel % len(values)] for channel in range(in_channels))

"""The unit that ShuffleNet v1 is made of: grouped convolutions whose groups meet by a shuffle.

Zhang, Zhou, Lin and Sun, arXiv 1707.01083.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Channels as (groups, n), transposed and flat again (section 3.1): groups meet each other.

    Args:
        x: any dtype, count × channels × height × width.
        groups: a divisor of the channels.
    """
    return torch.unflatten(x, 1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class ConvolutionUnit(nn.Module):
    """Convolution without bias, batch normalisation and, if told, ReLU."""

    def __init__(
        self,
        inputs: int,
        filters: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        rectified: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs,
            filters,
            kernel,
            stride=stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(filters)
        self.act = nn.ReLU(inplace=True) if rectified else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        unit: Tensor = self.act(self.bn(self.conv(x)))
        return unit


class ShuffleUnit(nn.Module):
    """Figure 2: grouped 1×1, shuffle, depthwise 3×3, grouped 1×1, beside a shortcut.

    A unit whose channels stay adds itself to the shortcut (2b). One whose channels grow is put
    beside the 3×3 mean of the shortcut (2c), which gives it the first ``inputs`` channels.

    Args:
        inputs: channels that come.
        outputs: channels that go; the bottleneck has a quarter of them (section 3.3).
        groups: groups of the second 1×1 convolution and of the shuffle.
        first_groups: groups of the first 1×1 convolution.
        stride: of the depthwise convolution and of the shortcut.
        dilation: of the depthwise convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        groups: int,
        first_groups: int,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.groups = groups
        self.grows = outputs != inputs
        # Narrow networks of 2 or 4 groups have no whole quarter: the nearest that groups divide.
        middle = groups * math.floor(outputs / 4 / groups + 0.5)
        added = outputs - inputs if self.grows else outputs
        self.compress = ConvolutionUnit(inputs, middle, 1, groups=first_groups)
        self.depthwise = ConvolutionUnit(
            middle, middle, 3, stride=stride, dilation=dilation, groups=middle, rectified=False
        )
        self.expand = ConvolutionUnit(middle, added, 1, groups=groups, rectified=False)
        self.shortcut = nn.AvgPool2d(3, stride, padding=1) if self.grows else nn.Identity()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        branch = channel_shuffle(self.compress(x), self.groups)
        branch = self.expand(self.depthwise(branch))
        shortcut = self.shortcut(x)
        joined = torch.cat((shortcut, branch), dim=1) if self.grows else shortcut + branch
        unit: Tensor = self.act(joined)
        return unit

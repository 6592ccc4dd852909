"""ShuffleNet v1, as table 1 of its paper draws it, in timm's interface.

Zhang, Zhou, Lin and Sun, arXiv 1707.01083. Importing this module makes
``timm.create_model("shufflenet_v1")`` work (width 1, 3 groups), and every size of `SIZES` under a
name like ``shufflenet_v1_x0_5_g8``.

The paper counts the multiply-adds of convolutions and of the classifier, and so do we: at width 1
and 3 groups 137 million. imgclsmob, which counts other layers too, says 145 million of the same
network (github.com/osmr/imgclsmob, 1,865,728 parameters).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers.classifier import ClassifierHead
from timm.models import (
    build_model_with_cfg,
    checkpoint_seq,
    generate_default_cfgs,
    register_model,
)
from torch import Tensor, nn

from midrib.backbones.intermediates import run_through

STAGE2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Output channels of stage 2 at width 1, by groups; each further stage has twice as many."""

REPEATS = (4, 8, 4)
"""Units of stages 2, 3 and 4, the one that halves the map included."""

STEM_CHANNELS = {0.25: 12, 0.5: 12, 1.0: 24, 1.5: 24, 2.0: 48}
"""Filters of the first convolution, by width. The paper scales all filters and names none; these
give the complexity that it tells (13, 38, 137, 292 and 524 million with 3 groups) and are those of
the authors' release (github.com/megvii-model/ShuffleNet-Series)."""

STEM_CHANNELS_OF_8_GROUPS = STEM_CHANNELS | {0.25: 8, 0.5: 16}
"""What a unit adds to its shortcut must fall into 8 groups, so that 12 filters are too few or many;
the release has 16 at width 0.5."""

SIZES = tuple((width, groups) for width in (0.25, 0.5, 1.0) for groups in STAGE2_CHANNELS)
SIZES += tuple((width, groups) for width in (1.5, 2.0) for groups in (3, 8))
"""Width and groups of what the paper and the authors' release have."""

DEFAULT_SIZE = (1.0, 3)


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


class ShuffleNetV1(nn.Module):
    """A convolution, a pool, three stages of shuffle units and a linear classifier.

    Args:
        width: factor of the filters; `STEM_CHANNELS` has the choices.
        groups: groups of the 1×1 convolutions; `STAGE2_CHANNELS` has the choices.
        num_classes: 0 for pooled features.
        in_chans: channels of the picture.
        output_stride: 32, 16 or 8. Stages past it keep the size of their map and are dilated, so
            that the same weights give the same answers, more densely (8: nearly the same, as the
            mean on the shortcut is not dilated).
        global_pool: timm's name of a pool, '' for none.
        drop_rate: share of the pooled features that training drops before the classifier.
    """

    def __init__(
        self,
        *,
        width: float = 1.0,
        groups: int = 3,
        num_classes: int = 1000,
        in_chans: int = 3,
        output_stride: int = 32,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if output_stride not in {8, 16, 32}:
            raise ValueError(f"output_stride is {output_stride}; expected 8, 16 or 32")
        self.num_classes, self.in_chans = num_classes, in_chans
        self.grad_checkpointing = False
        stem_channels = (STEM_CHANNELS_OF_8_GROUPS if groups == 8 else STEM_CHANNELS)[width]
        outputs = [int(STAGE2_CHANNELS[groups] * width) * 2**place for place in range(3)]
        self.stem = ConvolutionUnit(in_chans, stem_channels, 3, stride=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.feature_info = [
            {"num_chs": stem_channels, "reduction": 2, "module": "stem"},
            {"num_chs": stem_channels, "reduction": 4, "module": "pool"},
        ]
        self.stages = nn.Sequential(
            *self._build_stages([stem_channels, *outputs], groups, output_stride)
        )
        self.num_features = self.head_hidden_size = outputs[-1]
        self.head = ClassifierHead(self.num_features, num_classes, global_pool, drop_rate)
        self.apply(_initialise)

    def _build_stages(
        self, channels: list[int], groups: int, output_stride: int
    ) -> list[nn.Sequential]:
        stages: list[nn.Sequential] = []
        stride, dilation = 4, 1
        for (inputs, outputs), repeats in zip(pairwise(channels), REPEATS, strict=True):
            halves = stride < output_stride
            first = ShuffleUnit(
                inputs,
                outputs,
                groups=groups,
                # The stem's channels are too few to be grouped (caption of table 1).
                first_groups=groups if stages else 1,
                stride=2 if halves else 1,
                dilation=dilation,
            )
            stride, dilation = (stride * 2, dilation) if halves else (stride, dilation * 2)
            further = [
                ShuffleUnit(outputs, outputs, groups=groups, first_groups=groups, dilation=dilation)
                for _ in range(repeats - 1)
            ]
            module = f"stages.{len(stages)}"
            stages.append(nn.Sequential(first, *further))
            self.feature_info.append({"num_chs": outputs, "reduction": stride, "module": module})
        return stages

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures, float, count × channels × height × width, to the maps of stage 4."""
        x = self.pool(self.stem(x))
        if self.grad_checkpointing and torch.is_grad_enabled():
            x = checkpoint_seq(self.stages, x, flatten=True)
        else:
            x = self.stages(x)
        return x

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        *,
        norm: bool = False,  # noqa: ARG002 - timm's callers pass it; no norm ends these maps
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """The maps of ``feature_info`` that ``indices`` chooses, after those of `forward_features`.

        Args:
            x: pictures, float, count × channels × height × width.
            indices: places in ``feature_info``, or how many of the last; None for all.
            norm: changes nothing.
            stop_early: go no further than the last map that was chosen.
            output_fmt: 'NCHW'.
            intermediates_only: give the chosen maps alone.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt is {output_fmt!r}; expected 'NCHW'")
        parts = [self.stem, self.pool, *self.stages]
        last, chosen = run_through(parts, x, indices, stop_early=stop_early)
        return chosen if intermediates_only else (last, chosen)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:  # noqa: FBT001, FBT002 - timm's callers pass it by place
        """The maps of `forward_features` to logits or, before the classifier, to features."""
        answer: Tensor = self.head(x, pre_logits=pre_logits)
        return answer

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Module:
        classifier: nn.Module = self.head.fc
        return classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        self.num_classes = num_classes
        self.head.reset(num_classes, global_pool)

    def set_grad_checkpointing(self, enable: bool = True) -> None:  # noqa: FBT001, FBT002 - timm's callers pass it by place
        """Whether training computes the units twice instead of keeping their maps."""
        self.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:  # noqa: FBT001, FBT002 - timm's callers pass it by place
        """Patterns of parameter names, from the stem on: what trains at one rate."""
        blocks = r"^stages\.(\d+)" if coarse else r"^stages\.(\d+)\.(\d+)"
        return {"stem": r"^stem", "blocks": blocks}


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def size_name(width: float, groups: int) -> str:
    """The name of a size, as torchvision writes those of v2: ``shufflenet_v1_x0_5_g8``."""
    return f"shufflenet_v1_x{width:g}_g{groups}".replace(".", "_")


def _settings() -> dict[str, Any]:
    return {
        "num_classes": 1000,
        "input_size": (3, 224, 224),
        "pool_size": (7, 7),
        "crop_pct": 0.875,
        "interpolation": "bilinear",
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "first_conv": "stem.conv",
        "classifier": "head.fc",
        "paper_ids": "arXiv:1707.01083",
    }


_NAMED = {"shufflenet_v1": DEFAULT_SIZE} | {size_name(*size): size for size in SIZES}

default_cfgs = generate_default_cfgs({name: _settings() for name in _NAMED})


def _entry(name: str, width: float, groups: int) -> Callable[..., Any]:
    """What timm calls to make the model ``name``."""

    def create(pretrained: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002 - timm's callers pass it by place
        return build_model_with_cfg(
            ShuffleNetV1,
            name,
            pretrained,
            feature_cfg={"flatten_sequential": True},
            width=width,
            groups=groups,
            **options,
        )

    # timm registers a function under its own name, and keeps a list of its module's models.
    create.__name__ = create.__qualname__ = name
    return create


for _name, _size in _NAMED.items():
    register_model(_entry(_name, *_size))

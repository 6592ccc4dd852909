"""ShuffleNet v1, as table 1 of its paper draws it, in timm's interface.

Zhang, Zhou, Lin and Sun, arXiv 1707.01083. Importing this module makes
``timm.create_model("shufflenet_v1")`` work (width 1, 3 groups), and every size of `SIZES` under a
name like ``shufflenet_v1_x0_5_g8``.

The paper counts the multiply-adds of convolutions and of the classifier, and so do we: at width 1
and 3 groups 137 million. imgclsmob, which counts other layers too, says 145 million of the same
network (github.com/osmr/imgclsmob, 1,865,728 parameters).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from timm.layers.classifier import ClassifierHead
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from midrib.backbones.families.own_network import OwnNetwork, published_settings
from midrib.backbones.families.shuffle_unit import ConvolutionUnit, ShuffleUnit

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


class ShuffleNetV1(OwnNetwork):
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
        super().__init__(num_classes=num_classes, in_chans=in_chans, output_stride=output_stride)
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

    def stem_parts(self) -> list[nn.Module]:
        return [self.stem, self.pool]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def size_name(width: float, groups: int) -> str:
    """The name of a size, as torchvision writes those of v2: ``shufflenet_v1_x0_5_g8``."""
    return f"shufflenet_v1_x{width:g}_g{groups}".replace(".", "_")


_NAMED = {"shufflenet_v1": DEFAULT_SIZE} | {size_name(*size): size for size in SIZES}

default_cfgs = generate_default_cfgs(
    {name: published_settings("arXiv:1707.01083") for name in _NAMED}
)


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

"""DarkNet-19, as table 6 of its paper draws it, in timm's interface.

Redmon and Farhadi, YOLO9000: Better, Faster, Stronger, arXiv 1612.08242. Importing this module
makes ``timm.create_model("darknet19")`` work.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn
from torch.nn import functional

from midrib.backbones.families.own_network import OwnNetwork, published_settings

FILTERS: tuple[tuple[int, ...], ...] = (
    (32,),
    (64,),
    (128, 64, 128),
    (256, 128, 256),
    (512, 256, 512, 256, 512),
    (1024, 512, 1024, 512, 1024),
)
"""Filters of each convolution, by stage. A 2×2 maximum pool stands between two stages; within a
stage 3×3 and 1×1 convolutions take turns."""

LEAK = 0.1
"""Slope of the activation below zero: darknet's ``leaky``."""

default_cfgs = generate_default_cfgs({"darknet19": published_settings("arXiv:1612.08242")})


class ConvolutionUnit(nn.Module):
    """Convolution without bias, batch normalisation, leaky ReLU; height and width stay."""

    def __init__(self, inputs: int, filters: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(
            inputs, filters, kernel, padding=padding, dilation=dilation, bias=False
        )
        self.bn = nn.BatchNorm2d(filters)
        self.act = nn.LeakyReLU(LEAK, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        unit: Tensor = self.act(self.bn(self.conv(x)))
        return unit


class DensePool(nn.Module):
    """The maxima that a 2×2 pool would give, and those between them: height and width stay."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        margin = (0, self.dilation, 0, self.dilation)
        x = functional.pad(x, margin, value=float("-inf"))
        return functional.max_pool2d(x, 2, stride=1, dilation=self.dilation)


class Stage(nn.Sequential):
    """A pool and the convolutions up to the next one.

    The pool rounds up, as darknet's own does: a map is ceil(size / stride) high and wide at odd
    sizes too.

    Args:
        inputs: channels that come.
        filters: of each convolution.
        pool_dilation: None to halve the map; else the map keeps its size, and pool and
            convolutions reach as far as they would have.
        dilation: of the convolutions.
    """

    def __init__(
        self, inputs: int, filters: tuple[int, ...], *, pool_dilation: int | None, dilation: int
    ) -> None:
        super().__init__()
        halving = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.pool = DensePool(pool_dilation) if pool_dilation else halving
        for place, count in enumerate(filters):
            kernel = 1 if place % 2 else 3
            self.add_module(f"unit{place}", ConvolutionUnit(inputs, count, kernel, dilation))
            inputs = count


class ConvolutionHead(nn.Module):
    """The 19th convolution, 1×1 to one map a class, then the mean of each map."""

    def __init__(self, features: int, classes: int, pool: str, drop_rate: float) -> None:
        super().__init__()
        self.features = features
        self.drop = nn.Dropout(drop_rate)
        self.reset(classes, pool)

    def reset(self, classes: int, pool: str | None = None) -> None:
        """A fresh classifier; with 0 classes none, with the pool '' maps come out."""
        self.fc = nn.Conv2d(self.features, classes, 1) if classes > 0 else nn.Identity()
        if pool is not None:
            self.global_pool = SelectAdaptivePool2d(pool_type=pool, flatten=bool(pool))

    def forward(self, maps: Tensor, *, pre_logits: bool = False) -> Tensor:
        """Maps to logits: float, count × classes; or to pooled features, count × features."""
        maps = self.drop(maps)
        answer: Tensor = self.global_pool(maps if pre_logits else self.fc(maps))
        return answer


class DarkNet19(OwnNetwork):
    """19 convolutions and 5 pools.

    Args:
        num_classes: 0 for pooled features.
        in_chans: channels of the picture.
        output_stride: 32, 16 or 8. Stages past it keep the size of their map and are dilated, so
            that the same weights give the same answers, more densely.
        global_pool: timm's name of a pool, '' for none.
        drop_rate: share of the features that training drops before the last convolution.
    """

    def __init__(
        self,
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        output_stride: int = 32,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__(num_classes=num_classes, in_chans=in_chans, output_stride=output_stride)
        self.stem = ConvolutionUnit(in_chans, FILTERS[0][-1], kernel=3)
        self.feature_info = [{"num_chs": FILTERS[0][-1], "reduction": 1, "module": "stem"}]
        self.stages = nn.Sequential(*self._build_stages(output_stride))
        self.num_features = self.head_hidden_size = FILTERS[-1][-1]
        self.head = ConvolutionHead(self.num_features, num_classes, global_pool, drop_rate)
        self.apply(_initialise)

    def _build_stages(self, output_stride: int) -> list[Stage]:
        stages: list[Stage] = []
        stride = dilation = 1
        for before, filters in pairwise(FILTERS):
            dense = stride == output_stride
            pool_dilation = dilation if dense else None
            stride, dilation = (stride, dilation * 2) if dense else (stride * 2, dilation)
            module = f"stages.{len(stages)}"
            stages.append(
                Stage(before[-1], filters, pool_dilation=pool_dilation, dilation=dilation)
            )
            info = {"num_chs": filters[-1], "reduction": stride, "module": module}
            self.feature_info.append(info)
        return stages

    def stem_parts(self) -> list[nn.Module]:
        return [self.stem]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=LEAK)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def darknet19(pretrained: bool = False, **options: Any) -> Any:  # noqa: FBT001, FBT002 - timm's callers pass it by place
    """DarkNet-19, arXiv 1612.08242; ``options`` are those of `DarkNet19` and of timm's builder."""
    # The stem keeps the picture's size, so that there is one map more than timm expects.
    taps = options.pop("out_indices", tuple(range(len(FILTERS))))
    feature_cfg = {"out_indices": taps, "flatten_sequential": True}
    return build_model_with_cfg(
        DarkNet19, "darknet19", pretrained, feature_cfg=feature_cfg, **options
    )


register_model(darknet19)

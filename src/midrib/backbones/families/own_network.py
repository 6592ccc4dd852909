"""What timm wants of a network, once for those that midrib has of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import checkpoint_seq
from torch import Tensor, nn

_OUTPUT_STRIDES = (8, 16, 32)


class OwnNetwork(nn.Module, ABC):
    """A stem, stages of units and a head, under timm's names and with timm's methods.

    A family makes ``stages`` and ``head``, says in ``feature_info`` what each of ``stem_parts`` and
    each stage gives, and in ``num_features`` how many channels the last one has.

    Args:
        num_classes: 0 for pooled features.
        in_chans: channels of the picture.
        output_stride: 32, 16 or 8. Stages past it keep the size of their map and are dilated.
    """

    stages: nn.Sequential
    head: Any
    feature_info: list[dict[str, Any]]
    num_features: int
    head_hidden_size: int

    def __init__(self, *, num_classes: int, in_chans: int, output_stride: int) -> None:
        super().__init__()
        if output_stride not in _OUTPUT_STRIDES:
            raise ValueError(f"output_stride is {output_stride}; expected 8, 16 or 32")
        self.num_classes, self.in_chans = num_classes, in_chans
        self.grad_checkpointing = False

    @abstractmethod
    def stem_parts(self) -> list[nn.Module]:
        """What comes before the stages, in order."""

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures, float, count × channels × height × width, to the maps of the last stage."""
        for part in self.stem_parts():
            x = part(x)
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

        Raises:
            IndexError: there is no such place.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt is {output_fmt!r}; expected 'NCHW'")
        parts = [*self.stem_parts(), *self.stages]
        chosen = _chosen(range(len(parts)), indices)
        maps = []
        for place, part in enumerate(parts):
            if stop_early and place > chosen[-1]:
                break
            x = part(x)
            if place in chosen:
                maps.append(x)
        return maps if intermediates_only else (x, maps)

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
        blocks = r"^stages\.(\d+)" if coarse else r"^stages\.(\d+)\.(?:unit)?(\d+)"
        return {"stem": r"^stem", "blocks": blocks}


def published_settings(paper: str) -> dict[str, Any]:
    """What timm is told of a network trained on ImageNet at 224 pixels."""
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
        "paper_ids": paper,
    }


def _chosen(places: Sequence[int], indices: int | Sequence[int] | None) -> list[int]:
    """The places that are meant, in order; negative ones count from the end on."""
    if isinstance(indices, int):
        indices = [places[-back] for back in range(indices, 0, -1)]
    return sorted(places if indices is None else {places[index] for index in indices})

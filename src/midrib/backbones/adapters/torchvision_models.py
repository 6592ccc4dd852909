"""Models of the installed torchvision, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torchvision
from torch import nn

from midrib.backbones.interface import Normalisation
from midrib.backbones.weights.stem import RGB, widen_first_convolution
from midrib.errors import UsageError
from midrib.names import nearest, unknown_name

_AUXILIARY = {"aux_logits": False, "transform_input": False, "init_weights": True}
"""For GoogLeNet and Inception v3: no auxiliary heads, and pictures normalised by us."""

_HALF = Normalisation(mean=(0.5,) * RGB, std=(0.5,) * RGB)
_FIRST_WEIGHTS = "IMAGENET1K_V1"
_SIZE_OPTIONS = ("image_size", "input_size")


@dataclass(frozen=True)
class Preset:
    """How torchvision prepares pictures for a model, and what the model scored then.

    ``size`` is height and width in pixels, ``top1`` in percent; ``weights`` says of which weights
    that is told.
    """

    weights: str
    size: int
    crop_ratio: float
    filter: Literal["bilinear", "bicubic"]
    normalisation: Normalisation
    top1: float


def model_names() -> list[str]:
    """Every classification model."""
    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def create_torchvision_model(
    model_name: str, in_channels: int = RGB, size: int | None = None, *, auxiliary: bool = False
) -> nn.Module:
    """A torchvision model of random weights with its classifier.

    Raises ``UnknownNameError``, and ``UsageError`` when it cannot be made for that size. ``size``
    counts where the model is made for one size alone.
    """
    require_torchvision_model(model_name)
    builder = torchvision.models.get_model_builder(model_name)
    options: dict[str, Any] = {}
    if _has_auxiliary_heads(model_name):
        options = _AUXILIARY | {"aux_logits": auxiliary}
    if size is not None and is_of_one_size(model_name):
        options |= _size_option(model_name, size)
    try:
        model: nn.Module = builder(weights=None, **options)
    except (TypeError, ValueError, AssertionError) as problem:
        raise UsageError(
            f"torchvision cannot make {model_name} for {size} pixels: {problem}",
            expected="a size that the model can be made for",
            todo="leave the size out, or choose another backbone",
        ) from None
    if in_channels != RGB:
        widen_first_convolution(model, in_channels)
    return model


def preset_of(model_name: str) -> Preset:
    """What torchvision says of the first weights that it published for a model.

    GoogLeNet and Inception v3 normalise again inside (``transform_input``), which amounts to mean
    and deviation 0.5; we switch that off and normalise so. Raises ``UnknownNameError``.
    """
    require_torchvision_model(model_name)
    known = list(torchvision.models.get_model_weights(model_name))
    weights = next((each for each in known if each.name == _FIRST_WEIGHTS), known[-1])
    prepare = weights.transforms()
    colours = Normalisation(mean=tuple(prepare.mean), std=tuple(prepare.std))
    return Preset(
        weights=weights.name,
        size=prepare.crop_size[0],
        crop_ratio=prepare.crop_size[0] / prepare.resize_size[0],
        filter="bicubic" if prepare.interpolation.value == "bicubic" else "bilinear",
        normalisation=_HALF if _has_auxiliary_heads(model_name) else colours,
        top1=weights.meta["_metrics"]["ImageNet-1K"]["acc@1"],
    )


def is_of_one_size(model_name: str) -> bool:
    """Whether a model is made for one size of pictures."""
    return model_name.startswith(("vit_", "maxvit_"))


def require_torchvision_model(model_name: str) -> None:
    """Raise unless torchvision has such a model for classification.

    Raises:
        UnknownNameError: it has no such model; the nearest names are told.
        UsageError: it is a model for something else, as detection.
    """
    known = model_names()
    if model_name in known:
        return
    if model_name not in torchvision.models.list_models():
        raise unknown_name("torchvision model", model_name, known)
    kind = torchvision.models.get_model_builder(model_name).__module__.split(".")[2]
    raise UsageError(
        f"torchvision's {model_name} is a whole model for {kind.replace('_', ' ')}, no backbone",
        expected="one of its models for classification",
        todo="choose one of: " + ", ".join(nearest(model_name, known) or known[:3]),
    )


def _has_auxiliary_heads(model_name: str) -> bool:
    return model_name in {"googlenet", "inception_v3"}


def _size_option(model_name: str, size: int) -> dict[str, Any]:
    return (
        {"input_size": (size, size)} if model_name.startswith("maxvit_") else {"image_size": size}
    )

"""Any model of the installed timm as a backbone."""

from __future__ import annotations

import copy
import sys
from functools import lru_cache, partial
from typing import Any

import timm
from timm.models._manipulate import MATCH_PREV_GROUP, group_parameters
from torch import Tensor, nn

from midrib.backbones.adapters.fitting import refusing_unfit, require_fitting
from midrib.backbones.adapters.probing import (
    Measured,
    find_levels,
    measure,
    meta_pictures,
    on_meta,
    takes,
)
from midrib.backbones.adapters.stages import modules_of_stages, stages_by_number
from midrib.backbones.families import darknet19, shufflenet_v1
from midrib.backbones.interface import Backbone, BackboneFacts, Normalisation
from midrib.backbones.pyramid.alignment import align_all
from midrib.backbones.request import BackboneRequest
from midrib.backbones.weights.loading import load_body
from midrib.backbones.weights.stem import RGB, adapt_normalisation
from midrib.backbones.weights.tensors import Tensors
from midrib.errors import UsageError
from midrib.names import unknown_name

_REGISTERED = (darknet19, shufflenet_v1)
"""Networks of ours that timm knows once they are imported."""

_KEPT_MEASUREMENTS = 256
_NO_NUMBERS = "cannot be called on meta tensors"  # torch says so of Tensor.item()


class TimmBackbone(Backbone):
    """A timm model without its classifier.

    Args:
        name: what the user calls it.
        model_name: what timm calls it.
        request: channels, size and weights.

    Raises:
        UnknownNameError: timm has no such model.
        UsageError: the model cannot be made for that size.
        StorageError: the weights do not fit.
    """

    def __init__(self, name: str, model_name: str, request: BackboneRequest) -> None:
        super().__init__()
        measured = measure_timm(model_name, request.in_channels, request.size)
        self.model = create_timm_model(model_name, request.in_channels, request.size)
        if request.file is not None:
            stem = [f"{layer}.weight" for layer in _first_layers(self.model)]
            resized = not measured.resizable and request.size not in {
                None,
                _native_size(self.model),
            }
            load_body(
                self.model,
                request.file,
                in_channels=request.in_channels,
                stem=stem,
                resize=partial(_resize, self.model) if resized else None,
            )
        self.facts = _facts(name, self.model, measured, request)
        self._indices = [each.index for each in measured.found]

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures to pooled features: float, count × features."""
        require_fitting(self.facts, pictures)
        return _features(self.model, pictures)

    def pyramid(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Pictures to the maps of ``facts.levels``, finest first."""
        require_fitting(self.facts, pictures)
        maps = _maps(self.model, pictures, self._indices) if self._indices else []
        return align_all(maps, self.facts.levels, pictures)

    def stages(self) -> list[list[nn.Module]]:
        """The modules of each stage as timm groups them, what follows the last block at the end."""
        return modules_of_stages(self.model, _stage_of_parameters(self.model))


def require_timm_model(model_name: str) -> None:
    """Raise ``UnknownNameError`` with the nearest names unless timm has the model and its tag."""
    if not timm.is_model(model_name):
        raise unknown_name("timm model", model_name, timm.list_models())
    architecture, _, tag = model_name.partition(".")
    if tag and model_name not in timm.list_pretrained(f"{architecture}.*"):
        known = [architecture, *timm.list_pretrained(f"{architecture}.*")]
        raise unknown_name("timm model with weights", model_name, known)


def model_names() -> list[str]:
    """Every model, our own families among them."""
    names: list[str] = timm.list_models()
    return names


def create_timm_model(
    model_name: str, in_channels: int = RGB, size: int | None = None, *, classes: int = 0
) -> Any:
    """A timm model, without a classifier unless it is given classes.

    ``size`` counts where the model does not take it as it is. Raises ``UnknownNameError``,
    ``UsageError``.
    """
    require_timm_model(model_name)
    options: dict[str, Any] = {} if in_channels == RGB else {"in_chans": in_channels}
    if size is not None and not _takes(model_name, size):
        options["img_size"] = size
    try:
        return timm.create_model(model_name, num_classes=classes, **options)
    except (AssertionError, TypeError, ValueError) as problem:
        raise UsageError(
            f"timm cannot make {model_name} with {options or 'its own options'}: {problem}",
            expected="channels and a size that the model can be made for",
            todo="leave size and in_channels out, or choose another backbone",
        ) from None


@lru_cache(maxsize=_KEPT_MEASUREMENTS)
def measure_timm(model_name: str, in_channels: int = RGB, size: int | None = None) -> Measured:
    """Measure a timm model on the meta device. Raises as `create_timm_model` does."""
    model = on_meta(lambda: create_timm_model(model_name, in_channels, size)).eval()
    native = _native_size(model)
    if size and not measure_timm(model_name).resizable:
        native = size
    with refusing_unfit(model_name, in_channels, size):
        findings = find_levels(lambda each: _all_maps(model, each), in_channels, native)
        pictures = meta_pictures(in_channels, native, native)
        return measure(model, lambda each: _features(model, each), findings, pictures)


@lru_cache(maxsize=_KEPT_MEASUREMENTS)
def _takes(model_name: str, size: int) -> bool:
    """Whether a model takes pictures of that size without being made for it.

    Some take no odd size and yet another one than their own.
    """
    if measure_timm(model_name).resizable:
        return True
    model = on_meta(lambda: create_timm_model(model_name)).eval()
    return takes(model, RGB, size, size)


def _native_size(model: Any) -> int:
    size: int = model.pretrained_cfg["input_size"][-1]
    return size


def _features(model: Any, pictures: Tensor) -> Tensor:
    """Pooled features; the mean over what a model leaves unpooled: tokens (Gemma 4) or a map."""
    features: Tensor = model(pictures)
    if features.ndim == 4:
        return features.mean((2, 3))
    return features.mean(1) if features.ndim == 3 else features


def _all_maps(model: Any, pictures: Tensor) -> list[Tensor]:
    """Every map of a model on the meta device; none of one that reads numbers to shape them."""
    if not hasattr(model, "forward_intermediates"):
        return []
    try:
        return _maps(model, pictures, None)
    except RuntimeError as problem:
        if _NO_NUMBERS not in str(problem):
            raise
        return []


def _maps(model: Any, pictures: Tensor, indices: list[int] | None) -> list[Tensor]:
    maps: list[Tensor] = model.forward_intermediates(
        pictures,
        indices=copy.copy(indices),
        norm=False,
        stop_early=True,
        output_fmt="NCHW",
        intermediates_only=True,
    )
    return maps


def _first_layers(model: Any) -> tuple[str, ...]:
    named = model.pretrained_cfg.get("first_conv") or ()
    return (named,) if isinstance(named, str) else tuple(named)


def _resize(model: Any, tensors: Tensors) -> Tensors:
    """Position embeddings resampled for the size of ``model`` by timm's rule, where it has one."""
    rule = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    resampled: Tensors = rule(tensors, model) if rule else tensors
    return resampled


def _stage_of_parameters(model: Any) -> dict[str, int]:
    try:
        matcher = model.group_matcher(coarse=True)
    except (
        AttributeError,
        AssertionError,
    ):  # MetaFormer and PiT have no groups, RDNet none so large
        return stages_by_number(model)
    if isinstance(matcher, dict):
        matcher = {name: _with_own_tail(rule) for name, rule in matcher.items()}
    groups: dict[str, int] = group_parameters(model, matcher, reverse=True)
    return groups


def _with_own_tail(rule: Any) -> Any:
    """What timm counts to the last block, the layers after it, as a stage of its own."""
    if not isinstance(rule, list | tuple):
        return rule
    after = (MATCH_PREV_GROUP[0] - 1,)
    return [(pattern, after if tail == MATCH_PREV_GROUP else tail) for pattern, tail in rule]


def _facts(name: str, model: Any, measured: Measured, request: BackboneRequest) -> BackboneFacts:
    told = model.pretrained_cfg
    native = _native_size(model)
    if request.size and not measured.resizable:
        native = request.size
    colours = Normalisation(mean=tuple(told["mean"]), std=tuple(told["std"]))
    return BackboneFacts(
        name=name,
        features=measured.features,
        levels=measured.levels,
        in_channels=request.in_channels,
        native_size=(native, native),
        smallest_size=measured.smallest_size,
        resizable=measured.resizable,
        crop_ratio=told.get("crop_pct") or 0.875,
        filter="bicubic" if told.get("interpolation") == "bicubic" else "bilinear",
        normalisation=adapt_normalisation(colours, request.in_channels),
        parameters=measured.parameters,
        multiply_adds=measured.multiply_adds,
        weights=request.weights,
    )

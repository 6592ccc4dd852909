"""Any classification model of the installed torchvision as a backbone.

The network is traced into a graph (torch.fx) that ends at its maps: the classifier and auxiliary
heads are not part of it. Pooled features are the mean over the deepest map. That is what
torchvision pools itself, but for AlexNet and VGG, whose classifier takes a map of its own size, and
for SqueezeNet and MobileNet v3, whose classifier begins with layers of its own. Networks without
maps (ViT) give what enters their classifier.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from midrib.backbones.adapters.fitting import refusing_unfit, require_fitting
from midrib.backbones.adapters.probing import (
    Findings,
    Measured,
    find_levels,
    measure,
    meta_pictures,
    on_meta,
)
from midrib.backbones.adapters.stages import modules_of_stages
from midrib.backbones.adapters.torchvision_models import (
    Preset,
    create_torchvision_model,
    is_of_one_size,
    preset_of,
)
from midrib.backbones.adapters.torchvision_nodes import map_nodes, node_before_classifier, runs_past
from midrib.backbones.interface import Backbone, BackboneFacts
from midrib.backbones.pyramid.alignment import align_all
from midrib.backbones.request import BackboneRequest
from midrib.backbones.weights.loading import load_body
from midrib.backbones.weights.stem import RGB, adapt_normalisation, first_convolution

_KEPT_MEASUREMENTS = 256
_TRACED_CONSTANT = "_tensor_constant"  # torch.fx names them so


class TorchvisionBackbone(Backbone):
    """A torchvision model without its classifier and auxiliary heads.

    Args:
        name: what the user calls it.
        model_name: what torchvision calls it.
        request: channels, size and weights.

    Raises:
        UnknownNameError: torchvision has no such model.
        UsageError: the model cannot be made for that size.
        StorageError: the weights do not fit.
    """

    def __init__(self, name: str, model_name: str, request: BackboneRequest) -> None:
        super().__init__()
        measured, outputs = measure_torchvision(model_name, request.in_channels, request.size)
        whole = create_torchvision_model(model_name, request.in_channels, request.size)
        stem = f"{first_convolution(whole)}.weight"
        self.model = _cut(whole, outputs)
        if request.file is not None:
            load_body(self.model, request.file, in_channels=request.in_channels, stem=[stem])
        self.facts = _facts(name, preset_of(model_name), measured, request)
        self._outputs = outputs
        self._channels_last = [each.channels_last for each in measured.found]

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures to pooled features: float, count × features."""
        require_fitting(self.facts, pictures)
        return _features(self.model, self._outputs, self._channels_last, pictures)

    def pyramid(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Pictures to the maps of ``facts.levels``, finest first."""
        require_fitting(self.facts, pictures)
        if not self.facts.levels:
            return ()
        maps = _maps(self.model, self._outputs, self._channels_last, pictures)
        return align_all(maps, self.facts.levels, pictures)

    def stages(self) -> list[list[nn.Module]]:
        """The modules that compute each level of the pyramid, or each block where there is none."""
        of_levels = bool(self.facts.levels)
        return modules_of_stages(self.model, _stage_of_parameters(self.model, of_levels=of_levels))


@lru_cache(maxsize=_KEPT_MEASUREMENTS)
def measure_torchvision(
    model_name: str, in_channels: int = RGB, size: int | None = None
) -> tuple[Measured, tuple[str, ...]]:
    """What a torchvision model is, and the nodes of its graph that give its maps or its features.

    Raises as `create_torchvision_model` does.
    """
    model = on_meta(lambda: create_torchvision_model(model_name, in_channels, size)).eval()
    native = size if size and is_of_one_size(model_name) else preset_of(model_name).size
    candidates = map_nodes(model)
    whole = create_feature_extractor(model, candidates, suppress_diff_warning=True).eval()

    def maps(pictures: Tensor) -> list[object]:
        found = whole.forward(pictures)
        return [found[candidate] for candidate in candidates]

    with refusing_unfit(model_name, in_channels, size):
        findings = find_levels(maps, in_channels, native)
    outputs = tuple(candidates[each.index] for each in findings.found)
    if not outputs or runs_past(model, outputs[-1]):
        findings, outputs = Findings((), findings.grows), (node_before_classifier(model),)
    channels_last = [each.channels_last for each in findings.found]
    cut = _cut(model, outputs).eval()
    with refusing_unfit(model_name, in_channels, size):
        measured = measure(
            cut,
            lambda each: _features(cut, outputs, channels_last, each),
            findings,
            meta_pictures(in_channels, native, native),
        )
    return measured, outputs


def _cut(model: nn.Module, outputs: tuple[str, ...]) -> nn.Module:
    """The part of a model that leads to ``outputs``; it answers by their names.

    What tracing finds constant (MaxViT's positions) is no weight of the model and stays out of its
    state.
    """
    cut: nn.Module = create_feature_extractor(model, list(outputs), suppress_diff_warning=True)
    for name, constant in list(cut.named_buffers(recurse=False)):
        if name.startswith(_TRACED_CONSTANT):
            cut.register_buffer(name, constant, persistent=False)
    return cut.train()


def _features(
    network: nn.Module, outputs: tuple[str, ...], channels_last: list[bool], pictures: Tensor
) -> Tensor:
    if not channels_last:
        features: Tensor = network.forward(pictures)[outputs[0]].flatten(1)
        return features
    return _maps(network, outputs, channels_last, pictures)[-1].mean((2, 3))


def _maps(
    network: nn.Module, outputs: tuple[str, ...], channels_last: list[bool], pictures: Tensor
) -> list[Tensor]:
    # Called itself, a graph prints where it failed, even to who only asks whether a size works.
    found: dict[str, Tensor] = network.forward(pictures)
    return [
        found[name].permute(0, 3, 1, 2) if last else found[name]
        for name, last in zip(outputs, channels_last, strict=True)
    ]


def _stage_of_parameters(network: Any, *, of_levels: bool) -> dict[str, int]:
    """Stages by the outputs that the graph has passed, or by the blocks that it goes through."""
    stage_of: dict[str, int] = {}
    steps = list(network.graph.nodes)
    ends, passed, blocks = set(steps[-1].args[0].values()), 0, dict[str, int]()
    for step in steps:
        names = [str(step.target)] if step.op == "get_attr" else []
        if step.op == "call_module":
            held = network.get_submodule(step.target).named_parameters()
            names = [f"{step.target}.{name}" for name, _ in held]
        for name in names:
            block = blocks.setdefault(_block(name), len(blocks))
            stage_of.setdefault(name, passed if of_levels else block)
        passed += step in ends
    return stage_of


def _block(parameter: str) -> str:
    """The block of a ViT: encoder.layers.encoder_layer_0, or a layer outside of them."""
    return ".".join(parameter.split(".")[:-1][:3])


def _facts(
    name: str, preset: Preset, measured: Measured, request: BackboneRequest
) -> BackboneFacts:
    native = request.size if request.size and not measured.resizable else preset.size
    return BackboneFacts(
        name=name,
        features=measured.features,
        levels=measured.levels,
        in_channels=request.in_channels,
        native_size=(native, native),
        smallest_size=measured.smallest_size,
        resizable=measured.resizable,
        crop_ratio=preset.crop_ratio,
        filter=preset.filter,
        normalisation=adapt_normalisation(preset.normalisation, request.in_channels),
        parameters=measured.parameters,
        multiply_adds=measured.multiply_adds,
        weights=request.weights,
    )

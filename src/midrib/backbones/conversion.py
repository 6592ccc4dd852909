"""Foreign weight files to safetensors, once, in a process of its own.

    python -m midrib.backbones.conversion KEY_MAP MODEL SOURCE SHA256 TARGET

The source is opened only when its hash is the pinned one and only as plain tensors
(``weights_only``); the result must fit MODEL without a missing or an unexpected tensor.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from midrib.backbones.packaged import require_hash
from midrib.errors import MidribError
from midrib.names import Registry
from midrib.storage import written_aside

KeyMap = Callable[[str, list[tuple[int, int]]], str]
"""Foreign tensor name, and stage and position of each block, to the timm name."""

KEY_MAPS: Registry[KeyMap] = Registry("key map")

_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_OUTER |= {"_fc": "classifier"}
_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw"}
_SEPARABLE |= {"_bn2": "bn2"}
_INVERTED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
_INVERTED |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}


@KEY_MAPS.register("lukemelas-efficientnet")
def rename_lukemelas(key: str, block_places: list[tuple[int, int]]) -> str:
    """EfficientNet-PyTorch's names (one flat list of blocks) to timm's (stages of blocks).

    Only the blocks of the first stage do not expand, so their layers are named otherwise.
    """
    parts = key.split(".")
    if parts[0] != "_blocks":
        return ".".join([_OUTER[parts[0]], *parts[1:]])
    stage, place = block_places[int(parts[1])]
    layers = _SEPARABLE if stage == 0 else _INVERTED
    return ".".join(["blocks", str(stage), str(place), layers[parts[2]], *parts[3:]])


def convert(key_map: str, model_name: str, source: Path, sha256: str, target: Path) -> None:
    """Write the tensors of ``source`` under timm's names to ``target``. Raises ``MidribError``."""
    require_hash(source, sha256)
    rename = KEY_MAPS.get(key_map)
    foreign: dict[str, Tensor] = torch.load(source, map_location="cpu", weights_only=True)
    model: Any = timm.create_model(model_name, pretrained=False)
    places = [
        (stage, place) for stage, blocks in enumerate(model.blocks) for place in range(len(blocks))
    ]
    renamed = {rename(key, places): tensor for key, tensor in foreign.items()}
    model.load_state_dict(renamed, strict=True)
    with written_aside(target) as aside:
        save_file({key: tensor.contiguous() for key, tensor in renamed.items()}, aside)


def main(arguments: list[str]) -> int:
    key_map, model_name, source, sha256, target = arguments
    try:
        convert(key_map, model_name, Path(source), sha256, Path(target))
    except MidribError as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

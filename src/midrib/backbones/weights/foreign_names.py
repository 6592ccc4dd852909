"""Names of tensors in foreign weight files to those of timm's and torchvision's models."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_OUTER |= {"_fc": "classifier"}
_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw"}
_SEPARABLE |= {"_bn2": "bn2"}
_INVERTED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
_INVERTED |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}

# In a block without expansion, and in any other: place in the flat list to place in the nested one.
_FLAT_SEPARABLE = {"0": "0.0", "1": "0.1", "3": "1", "4": "2"}
_FLAT_INVERTED = {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"}
_WITHOUT_EXPANSION = "1"

_OLD_DENSE_LAYER = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var))$"
)


def from_lukemelas_efficientnet(name: str, block_places: Sequence[tuple[int, int]]) -> str:
    """EfficientNet-PyTorch's names (one flat list of blocks) to timm's (stages of blocks).

    Only the blocks of the first stage do not expand, so their layers are named otherwise.
    ``block_places`` are stage and position of each block in timm's model.
    """
    parts = name.split(".")
    if parts[0] != "_blocks":
        return ".".join([_OUTER[parts[0]], *parts[1:]])
    stage, place = block_places[int(parts[1])]
    layers = _SEPARABLE if stage == 0 else _INVERTED
    return ".".join(["blocks", str(stage), str(place), layers[parts[2]], *parts[3:]])


def from_tonylins_mobilenet_v2(name: str) -> str:
    """The names of pytorch-mobilenet-v2 (flat blocks) to torchvision's (nested ones).

    Only the first block does not expand.
    """
    found = re.fullmatch(r"features\.(\d+)\.conv\.(\d+)\.(\w+)", name)
    if found is None:
        return name
    block, place, tensor = found.groups()
    places = _FLAT_SEPARABLE if block == _WITHOUT_EXPANSION else _FLAT_INVERTED
    return f"features.{block}.conv.{places[place]}.{tensor}"


def from_old_torchvision(name: str) -> str:
    """Names in torchvision's own files to those of its models today: 'norm.1' became 'norm1'."""
    found = _OLD_DENSE_LAYER.match(name)
    return found.group(1) + found.group(2) if found else name

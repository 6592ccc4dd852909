"""What ``--weights`` means for a backbone."""

from __future__ import annotations

from pathlib import Path

from midrib.backbones.local_weights import local_start
from midrib.backbones.packaged import PACKAGED, PACKAGED_WEIGHTS, packaged_start
from midrib.backbones.weights import RANDOM_START, Start
from midrib.errors import StorageError, UsageError
from midrib.settings import Settings

AUTO = "auto"
RANDOM = "none"


def start_from(name: str, wanted: str, settings: Settings) -> Start:
    """What the backbone ``name`` starts from.

    Args:
        name: canonical name of a backbone, or 'timm:' or 'torchvision:' and one of their models.
        wanted: 'none' for a random start, a safetensors file or a folder that holds one,
            'packaged' for what a package of the registry carries, or 'auto' for the best of these
            that there is.
        settings: where weights are kept and whether the network may be used.

    Raises:
        UsageError: there are no such weights.
        StorageError: the weights cannot be had or are no safetensors.
    """
    kind, _, chosen = wanted.partition(":")
    if wanted == RANDOM:
        return RANDOM_START
    if wanted == AUTO or kind == PACKAGED:
        return packaged_start(_packaged_name(name, chosen), settings)
    if not Path(wanted).exists():
        raise StorageError(
            f"there are no weights '{wanted}'",
            expected=f"a safetensors file, a folder that holds one, '{AUTO}', '{PACKAGED}' "
            f"or '{RANDOM}'",
            todo="check the path",
        )
    return local_start(Path(wanted))


def _packaged_name(name: str, chosen: str) -> str:
    if name not in PACKAGED_WEIGHTS or chosen not in {"", name}:
        raise UsageError(
            f"there are no packaged weights '{chosen or name}' for '{name}'",
            expected=f"one of: {', '.join(sorted(PACKAGED_WEIGHTS))}",
            todo="add --weights FILE.safetensors, or --weights none for a random start",
        )
    return name

"""Published weights that other programs fetched: used where they are whole, never changed."""

from __future__ import annotations

from pathlib import Path

from midrib.backbones.weights.hub import SHA256, HubWeights, Pinned, hash_in_name
from midrib.storage import file_sha256


def in_foreign_cache(weights: HubWeights, revision: str) -> tuple[Path, Pinned] | None:
    """What huggingface_hub or torchvision fetched earlier, for whomever, if it is whole."""
    if weights.repository:
        return _in_hugging_face_cache(weights, revision)
    return _in_torch_cache(weights)


def _in_hugging_face_cache(weights: HubWeights, revision: str) -> tuple[Path, Pinned] | None:
    """The cache's snapshots are named for the commit, its files for their hash."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(weights.repository, weights.file_name, revision=revision)
    if not isinstance(found, str) or not Path(found).is_symlink():
        return None
    told, commit = Path(found).readlink().name, Path(found).parent.name
    if not SHA256.fullmatch(told) or file_sha256(Path(found)) != told:
        return None
    return Path(found), Pinned(weights.title, commit, told)


def _in_torch_cache(weights: HubWeights) -> tuple[Path, Pinned] | None:
    import torch

    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.file_name
    digits = hash_in_name(weights)
    if digits is None or not file.is_file():
        return None
    sha256 = file_sha256(file)
    return (file, Pinned(weights.title, "", sha256)) if sha256.startswith(digits) else None

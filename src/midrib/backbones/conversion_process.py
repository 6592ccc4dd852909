"""Starts `conversion` in a process of its own, which foreign files are read in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from midrib.errors import StorageError

_MOST_SECONDS = 600


def convert_apart(rule: str, model: str, source: Path, sha256: str, target: Path) -> Path:
    """The safetensors ``target``, made of ``source`` unless it is there already.

    Args:
        rule: the name of the conversion.
        model: what timm or torchvision calls the model that the tensors are for.
        source: the foreign file.
        sha256: the hash that it must have.
        target: where to write.

    Raises:
        StorageError: the file is not what it should be.
    """
    if target.is_file():
        return target
    command = [sys.executable, "-m", "midrib.backbones.conversion", rule, model]
    command += [str(source), sha256, str(target)]
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {_MOST_SECONDS} s"
    else:
        if finished.returncode == 0:
            return target
        # Libraries warn before; what was wrong comes last.
        reason = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise StorageError(
        f"{source} could not be converted: {reason}",
        expected=f"weights of {model} as plain tensors",
        todo="choose other weights, or run the same command again if the disk or memory was full",
    )

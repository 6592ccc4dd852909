"""Pictures that were inspected, opened once more: they have to be what they were."""

from __future__ import annotations

import hashlib
from pathlib import Path

from midrib.datasets.records import Item
from midrib.errors import DatasetError


def reread(item: Item) -> bytes:
    """The encoded file of a picture. Raises ``DatasetError`` where it is not the one any more."""
    try:
        data = item.path.read_bytes()
    except OSError as problem:
        raise has_changed(item.path, problem.strerror or str(problem)) from None
    if item.sha256 and hashlib.sha256(data).hexdigest() != item.sha256:
        raise has_changed(item.path, "another content")
    return data


def has_changed(path: Path, how: str) -> DatasetError:
    """The error for a picture that is not what it was when it was inspected."""
    return DatasetError(
        f"{path} has changed since it was read: {how}",
        expected="pictures that stay as they are meanwhile",
        todo="run the same command again once nothing changes them",
    )

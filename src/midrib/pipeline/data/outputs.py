"""Where what is made of a dataset may be written: never among its pictures."""

from __future__ import annotations

import os
from pathlib import Path

from midrib.datasets import Dataset
from midrib.errors import UsageError


def require_apart(output: Path, dataset: Dataset) -> None:
    """Raise ``UsageError`` where ``output`` would be read as a part of the data, or replace one.

    Hidden files and folders are never read as data, so they may lie anywhere.
    """
    place = Path(os.path.realpath(output))
    source = Path(os.path.realpath(dataset.source))
    if source.is_dir():
        if not place.is_relative_to(source):
            return
        if any(part.startswith(".") for part in place.relative_to(source).parts):
            return
    elif not place.is_file() or all(place != item.path for item in dataset.items):
        return
    raise UsageError(
        f"{output} lies in the data that is read, {dataset.place}",
        expected="a place outside of it, or a hidden one, since pictures are never changed",
        todo="choose another place",
    )

"""Pictures put into the folder of a new dataset, under names that every format can bear."""

from __future__ import annotations

import errno
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Literal

from midrib.datasets.names import UNWRITABLE, folded
from midrib.datasets.records import Item
from midrib.datasets.rereading import has_changed
from midrib.preprocessing.decoding import SUFFIXES

Pictures = Literal["link", "copy"]
"""Hard links share the file with the source; copies do not, and take their space."""

_SUFFIX_OF = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
_LONGEST_STEM_BYTES = 200  # 255 a name on most file systems; something may be appended to it
_NO_LINK_HERE = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES})


class Placer:
    """Puts pictures into ``folder``; no two of their names differ by case or suffix only.

    Args:
        folder: where the new dataset grows.
        pictures: whether to link or to copy.
        advance: called after each picture.
    """

    def __init__(self, folder: Path, pictures: Pictures, advance: Callable[[], None]) -> None:
        self.folder = folder
        self.renamed: list[tuple[Path, str]] = []
        self._pictures = pictures
        self._advance = advance
        self._taken: set[str] = set()

    def put(self, item: Item, below: str) -> PurePosixPath:
        """Put a picture into the folder ``below`` and give its path relative to ``folder``.

        Raises ``DatasetError`` for one that is gone, or has another size, since it was read.
        """
        relative = PurePosixPath(below) / self._name(item)
        target = self.folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _require_unchanged(item)
            if self._pictures == "copy" or not _linked(item.path, target):
                shutil.copyfile(item.path, target)
        except FileNotFoundError:
            raise has_changed(item.path, "it is gone") from None
        self._advance()
        return relative

    def _name(self, item: Item) -> str:
        suffix = item.path.suffix
        if suffix.lower() not in SUFFIXES:
            suffix = _SUFFIX_OF.get(item.format, "") or suffix
        stem = next(s for s in _stems(item) if folded(s) not in self._taken)
        self._taken.add(folded(stem))
        if stem + suffix != item.path.name:
            self.renamed.append((item.path, stem + suffix))
        return stem + suffix


def _require_unchanged(item: Item) -> None:
    if item.bytes and (size := item.path.stat().st_size) != item.bytes:
        raise has_changed(item.path, f"it had {item.bytes:,} bytes and has {size:,}")


def _stems(item: Item) -> Iterator[str]:
    """Names without suffix in the order of preference; there is always one more."""
    stem = _writable(item.path.stem)
    yield stem
    yield _writable(f"{item.path.parent.name}_{stem}")
    for number in count(2):
        yield f"{stem}_{number}"


def _writable(stem: str) -> str:
    """The name without what XML, a line of text or a folder listing cannot bear."""
    kept = "".join("_" if unicodedata.category(c) in UNWRITABLE else c for c in stem)
    kept = kept.encode()[:_LONGEST_STEM_BYTES].decode(errors="ignore").strip().lstrip(".")
    return kept or "picture"


def _linked(source: Path, target: Path) -> bool:
    """Link the picture; False where the file system has no links between the two places."""
    try:
        os.link(source.resolve(), target)
    except OSError as problem:
        if problem.errno in _NO_LINK_HERE:
            return False
        raise
    return True

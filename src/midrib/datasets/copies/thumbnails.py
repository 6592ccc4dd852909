"""Pictures as they are hashed and compared: small, and the latest kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from midrib.datasets.copies.fingerprints import Grey
from midrib.datasets.copies.verification import SIDE, comparable
from midrib.datasets.rereading import has_changed
from midrib.errors import PictureError
from midrib.preprocessing import decode
from midrib.records import Pixels

_KEPT_IN_MEMORY = 4096  # pictures of 64 KB each
_DECODED_SIDE = SIDE * 3 // 2  # at exactly the side that is wanted a JPEG has aliased already


class Thumbnails:
    """Pictures by their place, as `compare` takes them."""

    def __init__(self, paths: Mapping[int, Path]) -> None:
        self._paths = paths
        self._kept: OrderedDict[int, Grey] = OrderedDict()

    def __getitem__(self, place: int) -> Grey:
        known = self._kept.pop(place, None)
        if known is None:
            known = comparable(read_pixels(self._paths[place], _DECODED_SIDE))
        self._kept[place] = known
        if len(self._kept) > _KEPT_IN_MEMORY:
            self._kept.popitem(last=False)
        return known


def read_pixels(path: Path, side: int) -> Pixels:
    """A picture of at least ``side`` pixels along both axes, where it has as many.

    Raises ``DatasetError`` where it has changed since it was inspected.
    """
    try:
        return decode(path.read_bytes(), at_least=(side, side))
    except OSError as problem:
        raise has_changed(path, problem.strerror or str(problem)) from None
    except PictureError as problem:
        raise has_changed(path, problem.came) from None

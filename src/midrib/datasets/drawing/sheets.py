"""A page of small pictures with what is said of them: for a file, a report or a gallery."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from midrib.datasets.drawing.legend import Legend
from midrib.datasets.drawing.objects import draw_objects
from midrib.datasets.records import Item
from midrib.errors import PictureError, UsageError
from midrib.preprocessing import decode
from midrib.records import Pixels

MAX_SIDE = 2048
_QUALITY = 82
_NO_NOTES: Mapping[Path, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a sheet.

    ``pixels`` are uint8, height × width × 3, with its objects drawn in; None where the file can
    no longer be read. ``note`` says why it is shown.
    """

    item: Item
    pixels: Pixels | None
    note: str = ""

    def encoded(self) -> bytes:
        """The picture as WebP; empty where there is none."""
        if self.pixels is None:
            return b""
        sink = io.BytesIO()
        Image.fromarray(self.pixels).save(sink, "WEBP", quality=_QUALITY)
        return sink.getvalue()


@dataclass(frozen=True)
class Sheet:
    """One page of pictures: ``page`` of ``pages``, from 1 on; ``pictures`` are on all of them."""

    tiles: tuple[Tile, ...]
    legend: Legend
    page: int
    pages: int
    pictures: int


def sheet_of(
    items: Sequence[Item],
    labels: Sequence[str],
    *,
    page: int = 1,
    per_page: int = 60,
    side: int = 320,
    notes: Mapping[Path, str] = _NO_NOTES,
) -> Sheet:
    """Draw one page of ``items``; only its pictures are read.

    Args:
        items: all pictures that there are to see, in their order.
        labels: every class of the dataset, so that each page has the same colours.
        page: from 1 on.
        per_page: pictures on a page.
        side: the longer side of each, in pixels, 32 to `MAX_SIDE`; none is enlarged.
        notes: what to say of a picture, by its path.

    Raises:
        UsageError: there is no such page, or the numbers are out of bounds.
    """
    pages = max(1, math.ceil(len(items) / per_page)) if per_page > 0 else 0
    if not 1 <= page <= pages or not 32 <= side <= MAX_SIDE:
        raise UsageError(
            f"page {page} with {per_page} pictures of {side} pixels",
            expected=f"a page from 1 to {pages} and a side from 32 to {MAX_SIDE}",
            todo="ask for another page",
        )
    legend = Legend.of(labels)
    shown = items[(page - 1) * per_page : page * per_page]
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="midrib-draw") as pool:
        pictures = list(pool.map(partial(_drawn, legend=legend, side=side), shown))
    tiles = tuple(
        Tile(item, pixels, notes.get(item.path, ""))
        for item, pixels in zip(shown, pictures, strict=True)
    )
    return Sheet(tiles, legend, page, pages, len(items))


def _drawn(item: Item, *, legend: Legend, side: int) -> Pixels | None:
    """The picture, shrunk, with its objects; None where it cannot be read any more."""
    known = item.width > 0 and item.height > 0
    try:
        pixels = decode(item.path.read_bytes(), at_least=(side, side) if known else (0, 0))
    except (OSError, PictureError):
        return None
    size = (item.height, item.width) if known else pixels.shape[:2]
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    small = np.array(image)
    return draw_objects(small, item.annotations, legend, size=size)

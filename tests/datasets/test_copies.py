"""Copies are told from look-alikes by their pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sklearn.datasets import load_sample_image

from midrib.datasets import Item
from midrib.datasets.copies import (
    comparable,
    compare,
    find_candidates,
    find_likenesses,
    fingerprint,
)
from midrib.datasets.copies.candidates import WITHIN, Candidate
from midrib.datasets.copies.fingerprints import (
    TURNS,
    UNTURNED,
    WHOLE,
    WINDOWS,
    Turn,
    turn_pixels,
    turned,
)
from midrib.datasets.copies.pairs import compare_pairs
from midrib.errors import DatasetError
from midrib.storage import file_sha256

_RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """A real photo, 640 × 427."""
    return Image.fromarray(load_sample_image("china.jpg"))


@pytest.fixture(scope="module")
def other() -> Image.Image:
    """Another real photo of the same size."""
    return Image.fromarray(load_sample_image("flower.jpg"))


def _saved(picture: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


CHANGES = {
    "JPEG at 50": lambda photo: _saved(photo, 50),
    "a third of the size": lambda photo: photo.resize((213, 142)),
    "twice the size": lambda photo: photo.resize((1280, 854), Image.Resampling.BICUBIC),
    "cropped": lambda photo: photo.crop((20, 10, 600, 400)),
    "cropped, scaled and saved": lambda photo: _saved(
        photo.crop((0, 0, 610, 427)).resize((300, 210)), 70
    ),
    "brighter": lambda photo: photo.point(lambda value: value * 0.7 + 20),
    "mirrored": ImageOps.mirror,
    "turned": lambda photo: photo.transpose(Image.Transpose.ROTATE_90),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_verified(photo: Image.Image, change: str) -> None:
    """A picture that was saved again, scaled, cropped, brightened or turned is still a copy."""
    pictures = [np.asarray(photo), np.asarray(CHANGES[change](photo))]
    (found,) = find_candidates(np.stack([fingerprint(picture) for picture in pictures]))
    first, second = (comparable(pictures[place]) for place in (found.crop, found.of))
    assert compare(first, second, turn=found.turn, window=found.window).copies


@given(
    left=st.floats(0, 0.06),
    top=st.floats(0, 0.06),
    right=st.floats(0, 0.06),
    below=st.floats(0, 0.06),
)
@settings(max_examples=20)
def test_which_of_two_is_cropped_does_not_matter(
    photo: Image.Image, left: float, top: float, right: float, below: float
) -> None:
    """A slight crop is a copy, whether it is laid over the whole or the whole over it."""
    width, height = photo.size
    box = (left * width, top * height, (1 - right) * width, (1 - below) * height)
    crop = _saved(photo.crop(tuple(map(round, box))), 70)
    whole, part = (comparable(np.asarray(each)) for each in (photo, crop))
    assert compare(part, whole).copies
    assert compare(whole, part).copies


def test_other_pictures_are_no_candidates(photo: Image.Image, other: Image.Image) -> None:
    """Two photos of different things are not even compared."""
    assert not find_candidates(np.stack([fingerprint(np.asarray(one)) for one in (photo, other)]))


def test_a_flat_picture_is_no_copy_of_a_flat_one() -> None:
    """Pictures without structure say nothing of each other."""
    flat = comparable(np.full((90, 90, 3), 130, np.uint8))
    assert compare(flat, flat).similarity == 0


def test_pictures_that_differ_in_one_place_only_look_alike(photo: Image.Image) -> None:
    """What was changed within the picture makes it another one."""
    changed = np.asarray(photo).copy()
    changed[150:300, 200:400] = changed[150:300, 200:400][:, ::-1]
    assert not compare(comparable(np.asarray(photo)), comparable(changed)).copies


@given(turn=st.sampled_from(TURNS))
def test_hashes_turn_as_pictures_do(photo: Image.Image, turn: Turn) -> None:
    """The hash of a turned picture is the turned hash."""
    square = np.asarray(photo.convert("L").resize((64, 64)))
    turned_picture = np.ascontiguousarray(turn_pixels(square.astype(np.float32), turn))
    hashes = [
        fingerprint(np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2))[:1]
        for grey in (square, turned_picture)
    ]
    assert np.bitwise_count(turned(hashes[0], turn) ^ hashes[1]).item() == 0


def test_look_ups_find_what_comparing_all_finds() -> None:
    """Among many, every pair within the distance is found, as if all were compared."""
    count = 1200
    hashes = _RANDOM.integers(0, 1 << 63, (count, len(WINDOWS)), dtype=np.uint64)
    for place in range(0, 300, 2):
        flips = _RANDOM.choice(63, _RANDOM.integers(0, 12), replace=False)
        mask = np.bitwise_or.reduce(np.uint64(1) << flips.astype(np.uint64), initial=np.uint64(0))
        hashes[place + 1, 0] = hashes[place, 0] ^ mask
    wholes = hashes[:, 0]
    distances = np.bitwise_count(wholes[:, None] ^ wholes[None, :])
    first, second = np.nonzero(np.triu(distances <= WITHIN, 1))
    expected = set(zip(first.tolist(), second.tolist(), strict=True))
    found = find_candidates(hashes, turns=TURNS[:1])
    assert expected <= {(min(one.crop, one.of), max(one.crop, one.of)) for one in found}
    assert all(one.distance <= WITHIN for one in found)


def test_a_thousand_equal_hashes_stay_linked_without_comparing_all() -> None:
    """In an overfull bucket each picture has few partners, and all still hang together."""
    hashes = np.tile(_RANDOM.integers(0, 1 << 63, (1, len(WINDOWS)), dtype=np.uint64), (1500, 1))
    found = find_candidates(hashes, turns=TURNS[:1])
    assert len(found) < 1500 * 200
    linked = {0}
    for one in sorted(found, key=lambda one: (min(one.crop, one.of), max(one.crop, one.of))):
        if linked & {one.crop, one.of}:
            linked |= {one.crop, one.of}
    assert len(linked) == 1500


def test_likenesses_of_files(tmp_path: Path, photo: Image.Image, other: Image.Image) -> None:
    """Among files, the changed copy is named with its original and nothing else is."""
    photo.save(tmp_path / "photo.png")
    photo.resize((320, 214)).save(tmp_path / "small.jpg", quality=80)
    other.save(tmp_path / "other.jpg")
    items = [
        Item(path, ("thing",), sha256=file_sha256(path)) for path in sorted(tmp_path.iterdir())
    ]
    found = find_likenesses(items)
    (pair,) = found.copies
    names = {item.sha256: item.path.name for item in items}
    assert {names[pair.first], names[pair.second]} == {"photo.png", "small.jpg"}
    assert not found.look_alikes


def test_many_pairs_are_compared_in_processes_as_here(
    tmp_path: Path, photo: Image.Image, other: Image.Image
) -> None:
    """What processes find of many pairs is what is found here, in the same order."""
    paths = [tmp_path / "photo.png", tmp_path / "cropped.png", tmp_path / "other.png"]
    for path, picture in zip(paths, (photo, CHANGES["cropped"](photo), other), strict=True):
        picture.resize((160, 120)).save(path)
    pairs = [Candidate(1, 0, UNTURNED, WHOLE, 3), Candidate(2, 0, UNTURNED, WHOLE, 6)]
    told: list[int] = []
    few = compare_pairs(paths, pairs, told.append)
    many = compare_pairs(paths, pairs * 201, told.append)
    assert many == few * 201
    assert told[:2] == [1, 2]
    assert told[-1] == 402


def test_a_picture_that_vanished_is_told_by_processes_too(tmp_path: Path) -> None:
    """The error is the same one line, wherever the pair is compared."""
    pairs = [Candidate(1, 0, UNTURNED, WHOLE, 3)] * 401
    paths = [tmp_path / "gone.png", tmp_path / "gone-too.png"]
    with pytest.raises(DatasetError, match=r"gone.*has changed since it was read"):
        compare_pairs(paths, pairs, lambda _: None)

"""Batches depend on seed, epoch and picture alone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from training.resumable_run import LABELS, RECIPE, digit_items

from midrib.datasets import Item
from midrib.errors import DatasetError, UnknownNameError
from midrib.preprocessing import read_picture
from midrib.preprocessing.picture_cache import PictureCache
from midrib.storage import file_sha256
from midrib.training import AUGMENTATIONS, Pictures
from midrib.training.augmentation import picture_generator
from midrib.training.loading import EpochBatches, training_loader


def batches_of(pictures: Pictures, epoch: int, first: int) -> list[torch.Tensor]:
    batches = EpochBatches(len(pictures), 16, seed=3, fabric=Fabric(accelerator="cpu"))
    batches.start(epoch, first)
    return [batch for batch, _ in training_loader(pictures, batches, 0)]


def pictures_in(folder: Path, augmentation: str) -> Pictures:
    return Pictures(digit_items(folder)[:64], LABELS, RECIPE, augmentation=augmentation, seed=3)


@pytest.mark.parametrize("augmentation", list(AUGMENTATIONS))
def test_any_batch_can_be_the_first(digit_pictures: Path, augmentation: str) -> None:
    """Starting in the middle of an epoch gives the batches that the whole epoch has there."""
    whole = batches_of(pictures_in(digit_pictures, augmentation), 1, 0)
    rest = batches_of(pictures_in(digit_pictures, augmentation), 1, 2)
    assert len(whole) == 4
    assert all(torch.equal(a, b) for a, b in zip(whole[2:], rest, strict=True))


def test_epochs_and_order_differ(digit_pictures: Path) -> None:
    """Each epoch has an order and augmentation of its own and sees every picture once."""
    pictures = pictures_in(digit_pictures, "flip")
    first, second = batches_of(pictures, 0, 0), batches_of(pictures, 1, 0)
    assert not torch.equal(first[0], second[0])
    batches = EpochBatches(64, 16, seed=3, fabric=Fabric(accelerator="cpu"))
    seen = [index for batch in batches for _, index in batch]
    assert sorted(seen) == list(range(64))


def test_no_augmentation_is_what_serving_sees(digit_pictures: Path) -> None:
    """Without augmentation training sees the very pixels that evaluation and serving see."""
    pictures = pictures_in(digit_pictures, "none")
    for index, item in enumerate(pictures.items[:10]):
        served = read_picture(item.path.read_bytes(), RECIPE)
        np.testing.assert_array_equal(pictures[0, index][0], served)


@pytest.mark.parametrize("augmentation", list(AUGMENTATIONS))
def test_augmentations_keep_shape_and_type(augmentation: str) -> None:
    """Every augmentation gives uint8 pictures of the canonical size, equal for equal seeds."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 44, 3), dtype=np.uint8)
    augment = AUGMENTATIONS.get(augmentation)
    first = augment(pixels, RECIPE, picture_generator(1, 2, 3))
    second = augment(pixels, RECIPE, picture_generator(1, 2, 3))
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)


def test_unknown_augmentation_names_the_nearest() -> None:
    """A misspelt augmentation is answered with the one that was meant."""
    with pytest.raises(UnknownNameError, match="dihedral"):
        AUGMENTATIONS.get("dihedrel")


def test_class_weights_balance(digit_pictures: Path) -> None:
    """Class weights times class counts are equal for the classes that occur."""
    pictures = pictures_in(digit_pictures, "none")
    counts = np.bincount([pictures[0, i][1] for i in range(len(pictures))], minlength=10)
    shares = pictures.class_weights().numpy() * counts
    np.testing.assert_allclose(shares[counts > 0], shares[counts > 0][0], rtol=1e-5)


def hashed_items(folder: Path) -> list[Item]:
    return [replace(item, sha256=file_sha256(item.path)) for item in digit_items(folder)[:16]]


def test_the_cache_gives_what_decoding_gives(digit_pictures: Path, tmp_path: Path) -> None:
    """Pictures from the disk cache are those that decoding gives, even when the files are gone."""
    folder = tmp_path / "copies"
    shutil.copytree(digit_pictures, folder)
    cache = PictureCache(tmp_path / "cache", 1 << 30)
    items = hashed_items(folder)
    first = Pictures(items, LABELS, RECIPE, augmentation="flip", cache=cache)
    decoded = [first[1, index][0] for index in range(16)]
    shutil.rmtree(folder)
    again = Pictures(items, LABELS, RECIPE, augmentation="flip", cache=cache)
    for index, expected in enumerate(decoded):
        np.testing.assert_array_equal(again[1, index][0], expected)


@pytest.mark.parametrize("cached", [True, False])
def test_a_picture_that_has_changed_is_refused(
    digit_pictures: Path, tmp_path: Path, *, cached: bool
) -> None:
    """A file that is no longer the one that was split and labelled is neither used nor kept."""
    folder = tmp_path / "copies"
    shutil.copytree(digit_pictures, folder)
    cache = PictureCache(tmp_path / "cache", 1 << 30) if cached else None
    items = hashed_items(folder)
    items[1].path.write_bytes(items[2].path.read_bytes())
    pictures = Pictures(items, LABELS, RECIPE, cache=cache)
    with pytest.raises(DatasetError, match="has changed since"):
        pictures[0, 1]
    assert pictures[0, 2][0].shape == (32, 32, 3)


def test_what_goes_wrong_in_a_worker_is_told_in_one_line(
    digit_pictures: Path, tmp_path: Path
) -> None:
    """A picture that has gone is the same error in a worker as without, and no pages of it."""
    folder = tmp_path / "copies"
    shutil.copytree(digit_pictures, folder)
    items = hashed_items(folder)[:32]
    items[5].path.unlink()
    pictures = Pictures(items, LABELS, RECIPE)
    for workers in (0, 1):
        batches = EpochBatches(len(items), 16, seed=3, fabric=Fabric(accelerator="cpu"))
        with pytest.raises(DatasetError, match="cannot be read: No such file") as caught:
            list(training_loader(pictures, batches, workers))
        assert "\n" not in str(caught.value)
        assert caught.value.todo

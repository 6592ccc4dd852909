"""Batches depend on seed, epoch and picture alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from training.resumable_run import LABELS, RECIPE, digit_items

from midrib.errors import UnknownNameError
from midrib.preprocessing import read_picture
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

"""Augmentations by name: random, yet fixed by (seed, epoch, picture)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from midrib.names import Registry
from midrib.preprocessing import Recipe, centre_crop
from midrib.records import Pixels

Augmentation = Callable[[Pixels, Recipe, np.random.Generator], Pixels]
"""A resized picture (uint8, at least the canonical size), the recipe and a source of randomness,
to a picture of the canonical size."""

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation")


def picture_generator(seed: int, epoch: int, picture: int) -> np.random.Generator:
    """Randomness of one picture in one epoch: the same in any order and in any process."""
    return np.random.default_rng([seed, epoch, picture])


@AUGMENTATIONS.register("none")
def none(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:  # noqa: ARG001 - the door is one for all
    """The very pixels that evaluation sees."""
    return centre_crop(pixels, recipe)


@AUGMENTATIONS.register("flip")
def flip(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    """A random crop, mirrored left to right half of the time."""
    cropped = _random_crop(pixels, recipe, random)
    return cropped[:, ::-1] if random.random() < 0.5 else cropped


@AUGMENTATIONS.register("dihedral")
def dihedral(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    """A random crop in any of its orientations, for pictures without an upper side.

    A square has eight of them, other rectangles four.
    """
    turned = flip(pixels, recipe, random)
    if random.random() < 0.5:
        turned = turned[::-1]
    if recipe.height == recipe.width and random.random() < 0.5:
        turned = turned.transpose(1, 0, 2)
    return turned


@AUGMENTATIONS.register("light-change")
def light_change(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    """Flip, and brightness and contrast changed by up to a fifth."""
    flipped = flip(pixels, recipe, random).astype(np.float32)
    contrast, brightness = random.uniform(0.8, 1.2), random.uniform(-25, 25)
    middle = float(flipped.mean())
    changed = (flipped - middle) * contrast + middle + brightness
    return changed.clip(0, 255).astype(np.uint8)


def _random_crop(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    if recipe.fit == "letterbox":  # the whole picture is smaller than the input, not larger
        return centre_crop(pixels, recipe)
    top = int(random.integers(0, pixels.shape[0] - recipe.height + 1))
    left = int(random.integers(0, pixels.shape[1] - recipe.width + 1))
    return pixels[top : top + recipe.height, left : left + recipe.width]

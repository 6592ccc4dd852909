"""Named recipes for classification, on torchvision's transforms (v2).

light      a crop of nearly all, mirrored half of the time
standard   a crop of at least two fifths, mirrored; brightness, contrast and colour by a fifth
strong     as standard, and one of fourteen changes of any strength; a quarter lose a patch
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import nn
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from midrib.preprocessing import Recipe
from midrib.records import Pixels
from midrib.training.augmentation import AUGMENTATIONS
from midrib.training.randomness import seeded_by

_GREY = 127


@AUGMENTATIONS.register("light")
def light(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    """A crop of at least four fifths of the picture, mirrored half of the time."""
    return _changed(pixels, random, _cropped_and_mirrored(recipe, 0.8))


@AUGMENTATIONS.register("standard")
def standard(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    """A crop of at least two fifths, mirrored; brightness, contrast and colour up to a fifth."""
    return _changed(pixels, random, [*_cropped_and_mirrored(recipe, 0.4), _other_light()])


@AUGMENTATIONS.register("strong")
def strong(pixels: Pixels, recipe: Recipe, random: np.random.Generator) -> Pixels:
    """As standard, then TrivialAugment (arXiv 2103.10158) and random erasing (1708.04896)."""
    return _changed(pixels, random, [*_cropped_and_mirrored(recipe, 0.4), *_harsh()])


def _changed(
    pixels: Pixels, random: np.random.Generator, transforms: Sequence[nn.Module]
) -> Pixels:
    """Height × width × channels through transforms of channels × height × width, and back."""
    picture = tv_tensors.Image(torch.tensor(np.ascontiguousarray(pixels)).permute(2, 0, 1))
    with seeded_by(random):
        for transform in transforms:
            picture = transform(picture)
    changed: Pixels = picture.permute(1, 2, 0).contiguous().numpy()
    return changed


@cache
def _cropped_and_mirrored(recipe: Recipe, least: float) -> tuple[nn.Module, ...]:
    aspect = recipe.width / recipe.height
    crop = v2.RandomResizedCrop(
        (recipe.height, recipe.width),
        scale=(least, 1.0),
        ratio=(aspect * 3 / 4, aspect * 4 / 3),
        interpolation=InterpolationMode(recipe.filter),
    )
    return crop, v2.RandomHorizontalFlip()


@cache
def _other_light() -> nn.Module:
    jitter: nn.Module = v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2)
    return jitter


@cache
def _harsh() -> tuple[nn.Module, ...]:
    fill = [_GREY] * 3
    trivial = v2.TrivialAugmentWide(interpolation=InterpolationMode.BILINEAR, fill=fill)
    return trivial, v2.RandomErasing(p=0.25, scale=(0.02, 0.2), value=fill)

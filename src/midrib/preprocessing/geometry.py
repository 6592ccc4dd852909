"""Resize and crop to the canonical size. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from PIL import Image

from midrib.preprocessing.orientation import Box, Decoded
from midrib.preprocessing.recipe import Recipe
from midrib.records import Pixels

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def shrink_target(recipe: Recipe) -> tuple[int, int]:
    """Height and width, in pixels, below which `resize` would have to enlarge."""
    if recipe.fit == "squash":
        return recipe.height, recipe.width
    return round(recipe.height / recipe.crop_ratio), round(recipe.width / recipe.crop_ratio)


def resize(pixels: Pixels, recipe: Recipe, box: Box | None = None) -> Pixels:
    """Resize so that the canonical size can be cropped out of it.

    Args:
        pixels: uint8, height × width × 3.
        recipe: what to aim at.
        box: the part of the pixels that is the picture; None takes all.

    Returns:
        uint8, height × width × 3; with 'squash' of the canonical size, with 'crop' the smallest
        size of the same aspect ratio that covers the canonical size / crop_ratio.
    """
    whole = Decoded.whole(pixels).box
    box = box or whole
    height, width = shrink_target(recipe)
    if recipe.fit == "crop":
        scale = max(height / box.height, width / box.width)
        height = max(height, round(box.height * scale))
        width = max(width, round(box.width * scale))
    if pixels.shape[:2] == (height, width) and box == whole:
        return pixels
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize((width, height), _FILTERS[recipe.filter], box))


def centre_crop(pixels: Pixels, recipe: Recipe) -> Pixels:
    """Cut the canonical height × width out of the middle; uint8, height × width × 3."""
    top = (pixels.shape[0] - recipe.height) // 2
    left = (pixels.shape[1] - recipe.width) // 2
    return pixels[top : top + recipe.height, left : left + recipe.width]

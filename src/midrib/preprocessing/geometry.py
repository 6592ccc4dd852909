"""Resize and crop to the canonical size. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from PIL import Image

from midrib.preprocessing.orientation import Box, Decoded
from midrib.preprocessing.recipe import Recipe
from midrib.records import Floats, Pixels, Size

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def shrink_target(recipe: Recipe) -> tuple[int, int]:
    """Height and width, in pixels, below which `resize` would have to enlarge."""
    if recipe.fit != "crop":
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
        size of the same aspect ratio that covers the canonical size / crop_ratio, with
        'letterbox' the largest one of the same aspect ratio within the canonical size.
    """
    whole = Decoded.whole(pixels).box
    box = box or whole
    height, width = _resized(recipe, box.height, box.width)
    if pixels.shape[:2] == (height, width) and box == whole:
        return pixels
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize((width, height), _FILTERS[recipe.filter], box))


def centre_crop(pixels: Pixels, recipe: Recipe) -> Pixels:
    """Cut the canonical height × width out of the middle; uint8, height × width × 3.

    Where a letterboxed picture does not reach it is black.
    """
    over = [pixels.shape[0] - recipe.height, pixels.shape[1] - recipe.width]
    top, left = (each // 2 for each in over)
    if min(over) < 0:
        framed = np.zeros((recipe.height, recipe.width, 3), np.uint8)
        framed[-top : pixels.shape[0] - top, -left : pixels.shape[1] - left] = pixels
        return framed
    return pixels[top : top + recipe.height, left : left + recipe.width]


def place_of(recipe: Recipe, of: Size) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, in pixels of the input, of the picture that it is of.

    With 'crop' it reaches beyond the input.
    """
    height, width = _resized(recipe, of.height, of.width)
    left, top = -((width - recipe.width) // 2), -((height - recipe.height) // 2)
    return float(left), float(top), float(left + width), float(top + height)


def to_original(boxes: Floats, recipe: Recipe, of: Size) -> Floats:
    """`to_picture`, cut to the edges of the picture."""
    edges = np.array([of.width, of.height] * 2, np.float32)
    cut: Floats = np.clip(to_picture(boxes, recipe, of), np.float32(0), edges)
    return cut


def to_picture(boxes: Floats, recipe: Recipe, of: Size) -> Floats:
    """Boxes in the model's input as boxes in the picture that it is of; they may go beyond it.

    Args:
        boxes: float32, count × 4 (left, top, right, bottom) in pixels of the input.
        recipe: how the picture became the input.
        of: the size of the upright picture.
    """
    height, width = _resized(recipe, of.height, of.width)
    left, top = (width - recipe.width) // 2, (height - recipe.height) // 2
    shift = np.array([left, top, left, top], np.float32)
    scale = np.array([of.width / width, of.height / height] * 2, np.float32)
    moved: Floats = (boxes + shift) * scale
    return moved


def _resized(recipe: Recipe, height: float, width: float) -> tuple[int, int]:
    """Height and width that a picture of ``height`` × ``width`` is resized to."""
    target = shrink_target(recipe)
    scales = target[0] / height, target[1] / width
    if recipe.fit == "crop":
        scale = max(scales)
        return max(target[0], round(height * scale)), max(target[1], round(width * scale))
    if recipe.fit == "letterbox":
        scale = min(scales)
        return max(1, round(height * scale)), max(1, round(width * scale))
    return target

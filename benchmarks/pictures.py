"""Photographs of any size to measure with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = frozenset({".jpg", ".jpeg"})
_GRAIN = 1.0
"""Standard deviation in levels. With it the enlarged photographs take as many bits a pixel (0.96 on
average at 12 megapixels and quality 90) as the largest of lomiri-wallpapers-16.04 do (0.95)."""


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


def photographs(folder: Path | None, size: Size, count: int) -> tuple[list[Image.Image], str]:
    """RGB photographs of ``size`` and where they come from, in words.

    Args:
        folder: holds camera JPEGs; the largest ones are taken. None takes scikit-learn's.
        size: to crop (around the centre) and resize to.
        count: at most so many.

    Raises:
        SystemExit: the folder holds no JPEG.
    """
    if folder is None:
        return _enlarged_samples(size, count)
    found = {path: _pixels(path) for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES}
    if not found:
        raise SystemExit(f"{folder} holds no .jpg file; give a folder of camera photographs")
    largest = sorted(found, key=lambda path: (-found[path], path))[:count]
    pictures = [_fitted(Image.open(path), size) for path in largest]
    return pictures, ", ".join(path.name for path in largest)


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        return image.width * image.height


def _fitted(image: Image.Image, size: Size) -> Image.Image:
    return ImageOps.fit(
        ImageOps.exif_transpose(image).convert("RGB"), size, Image.Resampling.LANCZOS
    )


def _enlarged_samples(size: Size, count: int) -> tuple[list[Image.Image], str]:
    from sklearn.datasets import load_sample_images

    samples = load_sample_images()
    names = ", ".join(Path(name).name for name in samples.filenames[:count]) + " of scikit-learn"
    fitted = [_fitted(Image.fromarray(pixels), size) for pixels in samples.images[:count]]
    if size.width <= samples.images[0].shape[1]:
        return fitted, names
    grained = [_with_grain(picture, seed) for seed, picture in enumerate(fitted)]
    return grained, f"{names}, enlarged, with grain"


def _with_grain(picture: Image.Image, seed: int) -> Image.Image:
    """Add noise in luma, correlated between neighbours as a sensor's is after demosaicing."""
    half = (-(-picture.height // 2), -(-picture.width // 2))
    noise = np.random.default_rng(seed).normal(128, _GRAIN, half).clip(0, 255)
    grain = Image.fromarray(noise.astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    levels = np.asarray(grain).astype(np.int16) - 128
    pixels = np.asarray(picture).astype(np.int16) + levels[..., np.newaxis]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))

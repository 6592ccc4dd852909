"""A small folder of real pictures, one folder a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def make_class_folders(
    folder: Path, *, classes: tuple[int, ...] = (0, 1, 7), each: int = 24, size: int = 40
) -> Path:
    """Write real handwritten digits as ``folder/<class>/<number>.png``; returns ``folder``."""
    digits = load_digits()
    for label in classes:
        (folder / f"digit-{label}").mkdir(parents=True)
        for number in np.flatnonzero(digits.target == label)[:each]:
            pixels = (digits.images[number] * 15.9).astype(np.uint8)
            picture = Image.fromarray(pixels).resize((size, size))
            picture.save(folder / f"digit-{label}" / f"{number:04d}.png")
    return folder

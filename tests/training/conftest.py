from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digit_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """128 real digits as PNG files named <number>-<label>.png."""
    folder = tmp_path_factory.mktemp("digits")
    digits = load_digits()
    for number in range(128):
        pixels = (digits.images[number] * 15.9).astype(np.uint8)
        picture = Image.fromarray(pixels).resize((40, 40))
        picture.save(folder / f"{number:03d}-{digits.target[number]}.png")
    return folder

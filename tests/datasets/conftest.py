"""Real picture files, each of its own colours."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., Path]


@pytest.fixture
def draw() -> Draw:
    """Write a picture that no other one equals and give its path back.

    Size is width × height in pixels; further options go to Pillow.
    """
    seeds = itertools.count()

    def write(
        path: Path, *, size: tuple[int, int] = (24, 16), mode: str = "RGB", **options: object
    ) -> Path:
        noise = np.random.default_rng(next(seeds)).integers(0, 256, (size[1], size[0], 3), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).convert(mode).save(path, **options)
        return path

    return write


@pytest.fixture
def classes(tmp_path: Path, draw: Draw) -> Callable[..., Path]:
    """Make class folders: name and number of pictures each."""

    def make(root: str = "photos", **counts: int) -> Path:
        for label, count in counts.items():
            for number in range(count):
                draw(tmp_path / root / label / f"{number}.png")
        return tmp_path / root

    return make

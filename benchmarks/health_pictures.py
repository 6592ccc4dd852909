"""A folder of pictures to check: collages of real photographs, some with a planted fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from benchmarks.pictures import Size
from midrib.machine import usable_cores

SIZE = Size(640, 480)
_TILE = 160
_QUALITY = 90
_CLASSES = ("one", "other")
_DARK, _BLUR_PIXELS, _SAVED_AGAIN = 0.1, 10, Size(512, 384)

Planted = dict[str, set[str]]
"""Names of files by fault; of copies, both."""


def lay_out(folder: Path, photographs: list[Image.Image], count: int, faults: int) -> Planted:
    """Write ``count`` JPEGs of 640 × 480 below ``folder``, ``faults`` of each kind among them.

    Each is a collage of twelve random parts, so that no two look alike by chance and every block
    of pixels is a camera's.
    """
    for label in _CLASSES:
        (folder / label).mkdir(parents=True)
    whole = max(0, count - 5 * faults)
    paths = [_path(folder, number) for number in range(count)]
    with ThreadPoolExecutor(usable_cores()) as pool:  # Pillow works outside Python's lock
        list(pool.map(partial(_write_collage, photographs), range(whole), paths[:whole]))
    spoilt = _spoilt(photographs, paths, whole, faults)
    return {kind: {path.name for path in of} for kind, of in spoilt}


def _write_collage(photographs: list[Image.Image], seed: int, path: Path) -> None:
    _collage(photographs, seed).save(path, quality=_QUALITY)


def _path(folder: Path, number: int) -> Path:
    # Copies follow at a distance that is even, so that they come into their original's class.
    return folder / _CLASSES[number % 2] / f"{number:06}.jpg"


def _spoilt(
    photographs: list[Image.Image], paths: list[Path], start: int, faults: int
) -> Iterator[tuple[str, list[Path]]]:
    """Write each kind of fault; gives the files that show it."""
    kinds = [paths[start + kind * faults :][:faults] for kind in range(5)]
    exact, near, dark, blank, blurred = kinds
    originals = [_twin(paths, start, path) for path in (*exact, *near)]
    for path, original in zip(exact, originals, strict=False):
        shutil.copyfile(original, path)
    yield "exact copies", [*exact, *originals[:faults]]
    for path, original in zip(near, originals[faults:], strict=True):
        with Image.open(original) as image:
            image.resize(_SAVED_AGAIN, Image.Resampling.LANCZOS).save(path, quality=80)
    yield "near copies", [*near, *originals[faults:]]
    for number, path in enumerate(dark):
        collage = _collage(photographs, len(paths) + number)
        ImageEnhance.Brightness(collage).enhance(_DARK).save(path, quality=_QUALITY)
    yield "dark", dark
    for number, path in enumerate(blank):
        Image.new("RGB", SIZE, (number % 256, 128, 128)).save(path, quality=_QUALITY)
    yield "blank", blank
    for number, path in enumerate(blurred):
        collage = _collage(photographs, 2 * len(paths) + number)
        collage.filter(ImageFilter.GaussianBlur(_BLUR_PIXELS)).save(path, quality=_QUALITY)
    yield "blurred", blurred


def _twin(paths: list[Path], whole: int, copy: Path) -> Path:
    """The picture that ``copy`` is one of: in the same class, and no copy itself."""
    place = paths.index(copy)
    return paths[(place - whole) * 2 % whole // 2 * 2 + place % 2]


def _collage(photographs: list[Image.Image], seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", SIZE)
    for top in range(0, SIZE.height, _TILE):
        for left in range(0, SIZE.width, _TILE):
            photograph = photographs[random.integers(len(photographs))]
            side = int(random.integers(_TILE, min(photograph.size)))
            x = int(random.integers(photograph.width - side + 1))
            y = int(random.integers(photograph.height - side + 1))
            part = photograph.resize((_TILE, _TILE), box=(x, y, x + side, y + side))
            if random.random() < 0.5:
                part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            picture.paste(part, (left, top))
    return picture

"""Write pictures into a cache until killed: python cache_writer.py FOLDER BOUND FIRST COUNT."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from midrib.preprocessing.picture_cache import PictureCache
from midrib.records import Pixels

RECIPE = "ab" * 32


def name(number: int) -> str:
    return f"{number * 7919 % 100_003:064x}"


def picture(number: int) -> Pixels:
    random = np.random.default_rng(number)
    return random.integers(0, 256, (40 + number % 9, 50, 3), dtype=np.uint8)


def main(folder: Path, bound: int, first: int, count: int) -> None:
    cache = PictureCache(folder, bound)
    for number in range(first, first + count):
        cache.put(name(number), RECIPE, picture(number))
        kept = cache.get(name(number), RECIPE)
        assert kept is None or np.array_equal(kept, picture(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

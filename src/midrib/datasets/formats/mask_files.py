"""Pictures beside files of the same size whose pixels are numbers: of a class, or of an object."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from midrib.datasets.formats.finding import pictures_below, split_of
from midrib.datasets.formats.interface import Entry
from midrib.datasets.formats.objects import Fault, whole
from midrib.datasets.formats.rows import readable
from midrib.datasets.formats.sizes import upright_size
from midrib.datasets.names import clean_label
from midrib.datasets.records import Item, Problem, Split

IMAGES = "images"
CLASSES = "classes.csv"
CLASS_LINES = "classes.txt"
_COLUMNS = ["value", "label"]
_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
_NUMBER_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N"})
_FOLDER_OF: dict[Split | None, str] = {
    "train": "train",
    "validation": "validation",
    "test": "test",
    None: "",
}


@dataclass(frozen=True)
class Pair:
    """A picture and the file of numbers that belongs to it."""

    picture: Path
    numbers: Path
    split: Split | None


def is_laid_out(source: Path, folder: str) -> bool:
    """Whether ``images`` and ``folder`` lie side by side in the source or in a split of it."""
    if not source.is_dir():
        return False
    places = [source, *(path for path in source.iterdir() if split_of([path.name]))]
    return any((place / IMAGES).is_dir() and (place / folder).is_dir() for place in places)


def pairs(root: Path, folder: str, problems: list[Problem]) -> Iterator[Pair]:
    """Every picture below ``images`` with its file below ``folder``, in order."""
    used = set()
    for picture in pictures_below(root):
        parts = picture.relative_to(root).parts
        if IMAGES not in parts[:-1]:
            continue
        numbers = _beside(root, parts, folder)
        if numbers is None:
            told = f"no file in {folder} is called like it"
            problems.append(Problem(picture, "no annotation", told))
        else:
            used.add(numbers)
            yield Pair(picture, numbers, split_of(parts[:-1]))
    for path in pictures_below(root):
        parts = path.relative_to(root).parts
        if folder in parts[:-1] and IMAGES not in parts[:-1] and path not in used:
            problems.append(Problem(path, "missing", f"no picture in {IMAGES} is called like it"))


def _beside(root: Path, parts: tuple[str, ...], folder: str) -> Path | None:
    last = max(index for index, part in enumerate(parts[:-1]) if part == IMAGES)
    place = root.joinpath(*parts[:last], folder, *parts[last + 1 :])
    found = (place.with_suffix(suffix) for suffix in _SUFFIXES)
    return next((path for path in found if path.is_file()), None)


def read_numbers(path: Path, size: tuple[int, int]) -> NDArray[np.int64]:
    """Height × width, int64, the numbers of a file of ``size``, which is checked first.

    8-, 16- and 32-bit grey and palette files. Raises ``Fault``.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in _NUMBER_MODES:
                told = f"its mode is {image.mode}: colours, where numbers are expected"
                raise Fault("bad mask", told)
            if image.size != size:
                sides = f"{image.width} × {image.height}"
                raise Fault("bad mask", f"it has {sides} pixels, the picture {size[0]} × {size[1]}")
            return np.asarray(image).astype(np.int64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise Fault("bad mask", f"it cannot be read: {problem}") from None


def write_numbers(path: Path, numbers: NDArray[np.int32]) -> None:
    """Write numbers up to 65,535, height × width, as PNG: 8-bit where they fit, else 16-bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = np.uint8 if numbers.max(initial=0) < 1 << 8 else np.uint16
    Image.fromarray(numbers.astype(kind)).save(path, "PNG")


def folder_of(item: Item) -> str:
    """The split's folder, none for no split."""
    return _FOLDER_OF[item.split]


def read_classes(root: Path, problems: list[Problem]) -> dict[int, str]:
    """Label by number, of ``classes.csv`` (value, label) or the lines of ``classes.txt``."""
    names: dict[int, str] = {}
    for place, value, name in _class_rows(root):
        label = clean_label(name)
        try:
            number = whole(value, "value")
            if not label or number < 0 or names.get(number, label) != label:
                raise Fault("unknown class", f"value {value} is called {name!r:.60}")  # noqa: TRY301 - three faults of one row end here
            names[number] = label
        except Fault as fault:
            problems.append(fault.at(root / CLASSES, place))
    return names


def _class_rows(root: Path) -> Iterator[tuple[str, object, str]]:
    if (root / CLASSES).is_file():
        table = root / CLASSES
        with readable(table), table.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            for row in rows:
                yield f"line {rows.line_num}", row.get("value"), row.get("label") or ""
    elif (root / CLASS_LINES).is_file():
        lines = (root / CLASS_LINES).read_text(encoding="utf-8-sig", errors="replace")
        for number, line in enumerate(lines.rstrip().split("\n")):
            yield f"line {number + 1}", number, line


def write_classes(root: Path, names: Mapping[int, str]) -> None:
    """Write ``classes.csv``."""
    with (root / CLASSES).open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(names.items())


def sized_entry(pair: Pair) -> Entry:
    """The picture without its objects. Raises ``Fault``."""
    width, height = upright_size(pair.picture)
    return Entry(pair.picture, (), pair.split, width=width, height=height)

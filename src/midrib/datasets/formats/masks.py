"""Masks of classes: each pixel is the number of a class, 0 of none.

Pixels of a number that nothing names are of no known class, as those of 255 are by custom.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.mask_files import (
    CLASS_LINES,
    CLASSES,
    IMAGES,
    Pair,
    folder_of,
    is_laid_out,
    pairs,
    read_classes,
    read_numbers,
    sized_entry,
    write_classes,
    write_numbers,
)
from midrib.datasets.formats.objects import Fault, annotation
from midrib.datasets.formats.placing import Placer
from midrib.datasets.masks import decode_mask, encode_mask
from midrib.datasets.records import Dataset, Problem
from midrib.errors import DatasetError
from midrib.records import BACKGROUND

_MASKS = "masks"
_MOST_CLASSES = (1 << 16) - 2
_BACKGROUND = frozenset({"background", "_background_", "__background__"})
_VOID = frozenset({"void", "ignore", "__ignore__"})
_VOID_NUMBERS = ((1 << 8) - 1, (1 << 16) - 1)


@DATASET_FORMATS.register("masks")
class ClassMasks(Format):
    """``images`` beside ``masks``, and ``classes.csv`` or ``classes.txt`` with their numbers."""

    holds = Holds(masks=True, pixels="one class", splits=True, void=True)

    def detect(self, source: Path) -> Certainty:
        has_table = any((source / name).is_file() for name in (CLASSES, CLASS_LINES))
        return Certainty.INDEX if has_table and is_laid_out(source, _MASKS) else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        root = source.resolve()
        problems: list[Problem] = []
        names = read_classes(root, problems)
        if not names:
            raise DatasetError(
                f"{source} names no classes",
                expected=f"a {CLASSES} with value and label, or a {CLASS_LINES}",
                todo="add it, or read the masks as instance-masks",
            )
        if names.get(0, "").casefold() in _BACKGROUND:
            del names[0]
        entries = []
        for pair in pairs(root, _MASKS, problems):
            try:
                entries.append(_entry(pair, names, problems))
            except Fault as fault:
                problems.append(fault.at(pair.numbers, ""))
        labels = {label for label in names.values() if label.casefold() not in _VOID}
        if any(each.is_void for entry in entries for each in entry.annotations):
            labels.add(BACKGROUND)
        return Listing(tuple(entries), frozenset(labels), tuple(problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        if len(dataset.labels) > _MOST_CLASSES:
            raise DatasetError(
                f"{dataset.source} has {len(dataset.labels):,} classes",
                expected=f"at most {_MOST_CLASSES:,}, as 16 bits can tell apart",
                todo="choose another format",
            )
        numbers = {label: number for number, label in enumerate(dataset.labels, start=1)}
        write_classes(placer.folder, {number: label for label, number in numbers.items()})
        void = next(number for number in _VOID_NUMBERS if number > len(numbers))
        for item in dataset.items:
            path = placer.put(item, f"{IMAGES}/{folder_of(item)}")
            canvas = np.zeros((item.height, item.width), dtype=np.int32)
            for each in item.annotations:
                if each.mask:
                    canvas[decode_mask(each.mask)] = void if each.crowd else numbers[each.label]
            target = placer.folder / _MASKS / folder_of(item) / f"{path.stem}.png"
            write_numbers(target, canvas)


def _entry(pair: Pair, names: dict[int, str], problems: list[Problem]) -> Entry:
    """A picture with one object for each class that its mask shows, and one of void pixels."""
    entry = sized_entry(pair)
    size = (entry.width, entry.height)
    canvas = read_numbers(pair.numbers, size)
    objects: list[Annotation] = []
    void = np.zeros(canvas.shape, np.bool_)
    for number in np.unique(canvas).tolist():
        found = canvas == number
        if number in names and names[number].casefold() not in _VOID:
            objects.append(annotation(names[number], size, mask=encode_mask(found)))
        elif number:
            void |= found
        if number and number not in names and number not in _VOID_NUMBERS:
            told = f"value {number} ({found.sum():,} pixels) is in no list of classes"
            problems.append(Problem(pair.numbers, "unknown class", told))
    if void.any():
        objects.append(annotation(BACKGROUND, size, mask=encode_mask(void), crowd=True))
    return replace(entry, annotations=tuple(objects))

"""The one door by which ways to lay out labelled pictures enter: each detects itself and lists.

class-folders   root/LABEL/…/picture
split-folders   root/train/LABEL/…/picture, beside validation (val, valid) and test
label-table     a .csv or .jsonl with path, label and perhaps split
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from midrib.datasets.records import Problem, Split
from midrib.errors import DatasetError
from midrib.names import Registry

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}
"""What users call the splits, in lower case."""


class Certainty(IntEnum):
    """How plainly a source shows that it is laid out in one way; the highest wins."""

    NONE = 0
    SHAPE = 1
    """The shape of the folder allows it."""
    NAMES = 2
    """Names in the folder say so."""
    INDEX = 3
    """A file is there that describes the pictures."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture as the layout tells it, not yet opened."""

    path: Path
    label: str
    split: Split | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a layout tells of a source: ``labels`` also names classes that have no picture."""

    entries: tuple[Entry, ...]
    labels: frozenset[str]
    problems: tuple[Problem, ...] = ()


class Layout(ABC):
    """A way to lay out labelled pictures on disk."""

    @abstractmethod
    def detect(self, source: Path) -> Certainty:
        """How plainly ``source``, which exists, is laid out this way."""

    @abstractmethod
    def list_pictures(self, source: Path) -> Listing:
        """Every picture with its label, in a stable order. Raises ``DatasetError``."""


LAYOUTS: Registry[type[Layout]] = Registry("dataset layout")


def is_text(name: str) -> bool:
    """Whether a name from a file system or a table can be written as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def stays_inside(path: Path, root: Path) -> bool:
    """Whether ``path``, all links followed, lies in ``root``, which has none."""
    # Not Path.resolve: before Python 3.13 it raises for links that go in circles.
    return Path(os.path.realpath(path)).is_relative_to(root)


def detect_layout(source: Path) -> Layout:
    """The layout that ``source`` shows most plainly. Raises ``DatasetError`` where none fits."""
    layouts = [LAYOUTS.get(name)() for name in LAYOUTS]
    best = max(layouts, key=lambda layout: layout.detect(source))
    if best.detect(source) is Certainty.NONE:
        raise DatasetError(
            f"{source} is neither a folder nor a label table",
            expected="a folder of class folders, or a .csv or .jsonl file with path and label",
            todo="check the path",
        )
    return best

"""The one door by which formats of labelled pictures enter: each detects itself, lists, writes."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import ClassVar

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.broken_tables import broken_table
from midrib.datasets.formats.holding import Holds, losses
from midrib.datasets.formats.placing import Placer
from midrib.datasets.records import Dataset, Problem, Split
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
    """A picture as the source tells it, not yet opened.

    ``width`` and ``height`` are what the source says of it, 0 where it says nothing; coordinates
    of ``annotations`` are pixels of a picture of that size.
    """

    path: Path
    labels: tuple[str, ...]
    split: Split | None = None
    annotations: tuple[Annotation, ...] = ()
    group: str | None = None
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What a format tells of a source: ``labels`` also names classes that have no picture.

    ``entries`` may be read from disk one by one each time that they are asked for.
    """

    entries: Sequence[Entry]
    labels: frozenset[str]
    problems: tuple[Problem, ...] = ()


class Format(ABC):
    """One way to keep labelled pictures on disk."""

    holds: ClassVar[Holds]
    """What it can hold; `write` is only given that."""

    @abstractmethod
    def detect(self, source: Path) -> Certainty:
        """How plainly ``source``, which exists, is laid out this way."""

    @abstractmethod
    def list_pictures(self, source: Path) -> Listing:
        """Every picture with its label, in a stable order.

        An annotation that cannot be meant is left out and told in ``problems`` with its file and
        line, or its record where there are no lines. Raises ``DatasetError`` where nothing can
        be read at all.
        """

    @abstractmethod
    def write(self, dataset: Dataset, placer: Placer) -> None:
        """Put pictures and annotations into ``placer.folder``, an empty folder.

        ``dataset`` holds nothing that the format cannot hold (see ``midrib.datasets.formats.
        fitting``). Raises ``DatasetError`` for a class that it cannot name.
        """

    def lost(self, dataset: Dataset) -> list[str]:
        """What of ``dataset`` the format cannot hold, one clause each."""
        return losses(self.holds, dataset)


DATASET_FORMATS: Registry[type[Format]] = Registry("dataset format")


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


def detect_format(source: Path) -> str:
    """The name of the format that ``source`` shows most plainly.

    Raises ``DatasetError`` where none fits.
    """
    found = {name: DATASET_FORMATS.get(name)().detect(source) for name in DATASET_FORMATS}
    best = max(found, key=lambda name: found[name])
    if found[best] is Certainty.NONE:
        if broken := broken_table(source):
            raise DatasetError(
                f"{source}: {broken.reason}",
                expected="a whole file",
                todo="mend or restore it",
            )
        raise DatasetError(
            f"{source} is in no format that midrib knows",
            expected=f"one of: {', '.join(sorted(found))}",
            todo="check the path",
        )
    return best

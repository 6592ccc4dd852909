"""What a dataset is: labelled pictures, known by their content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from midrib.config import fingerprint
from midrib.datasets.annotations import Annotation
from midrib.datasets.measures import Measures
from midrib.errors import DatasetError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

Task = Literal["classification", "multi-label", "detection", "segmentation"]
"""What a dataset's labels ask a model for."""

UNSPLIT = "unsplit"
_CLASSES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Item:
    """One picture and what is said of it.

    ``path`` is absolute; ``labels`` are classes of the whole picture, ``annotations`` the objects
    in it. ``sha256`` (64 hex digits) and ``bytes`` are of the encoded file. ``width`` and
    ``height`` are pixels of the upright picture, 0 where unknown; ``mode`` and ``format`` are the
    file's own, as Pillow names them ('RGB', 'L'; 'JPEG', 'PNG'). ``group`` names what must not be
    divided by a split, such as a patient or a scene. ``measures`` are what inspection took of its
    pixels and its EXIF; they are no part of a version.
    """

    path: Path
    labels: tuple[str, ...]
    sha256: str = ""
    bytes: int = 0
    split: Split | None = None
    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    annotations: tuple[Annotation, ...] = ()
    group: str | None = None
    measures: Measures | None = None

    @property
    def label(self) -> str:
        """The one class of the picture. Raises ``DatasetError`` unless there is exactly one."""
        if len(self.labels) != 1:
            raise DatasetError(
                f"{self.path} has {len(self.labels)} classes",
                expected="one class for every picture",
                todo="mend its labels, or leave the picture out",
            )
        return self.labels[0]

    @property
    def named(self) -> frozenset[str]:
        """Every class that the picture or an object in it is given."""
        return frozenset(self.labels).union(each.label for each in self.annotations)

    def key(self) -> list[object]:
        """What the version of a dataset counts of it; name and place do not."""
        kept: list[object] = [self.sha256, sorted(self.labels), self.split or UNSPLIT]
        if self.annotations:
            kept.append(sorted((each.key() for each in self.annotations), key=str))
        return kept


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that was left out. ``kind`` is for counting, ``reason`` for reading."""

    path: Path
    kind: str
    reason: str

    def as_record(self) -> dict[str, str]:
        """JSON-ready ``path``, ``kind`` and ``reason``."""
        return {"path": str(self.path), "kind": self.kind, "reason": self.reason}


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures of one source, with what had to be left out.

    ``labels`` are sorted; a class's index in them is the model's output index. ``format`` is the
    name of the format that the source was read as.
    """

    source: Path
    items: tuple[Item, ...]
    labels: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    format: str = ""

    @cached_property
    def version(self) -> str:
        """SHA-256 of contents, labels, annotations and splits; names and order do not count."""
        return fingerprint(sorted((item.key() for item in self.items), key=str))

    @cached_property
    def task(self) -> Task:
        """What the labels ask for: outlines or masks, else boxes, else one class or several."""
        annotations = [each for item in self.items for each in item.annotations]
        if any(each.polygons or each.mask for each in annotations):
            return "segmentation"
        if annotations:
            return "detection"
        one_each = all(len(item.labels) == 1 for item in self.items)
        return "classification" if one_each else "multi-label"

    def of(self, split: Split) -> list[Item]:
        """The items of one split, in the dataset's order."""
        return [item for item in self.items if item.split == split]

    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures by split ('unsplit' where none is given) and label; every label is named.

        A picture with several labels counts for each of them.
        """
        splits = {item.split or UNSPLIT for item in self.items}
        found = Counter(
            (item.split or UNSPLIT, label) for item in self.items for label in item.named
        )
        return {
            split: {label: found[split, label] for label in self.labels}
            for split in (*SPLITS, UNSPLIT)
            if split in splits
        }

    def as_record(self) -> dict[str, object]:
        """JSON-ready: source, version, labels, counts and problems."""
        return {
            "source": str(self.source),
            "format": self.format,
            "task": self.task,
            "version": self.version,
            "pictures": len(self.items),
            "labels": list(self.labels),
            "counts": self.counts(),
            "problems": [problem.as_record() for problem in self.problems],
        }

    def lines(self) -> list[str]:
        """The dataset for a terminal: a heading, its format, splits, and what was left out."""
        read_as = [f"read as {self.format}"] if self.format else []
        heading = f"{len(self.items):,} pictures, {len(self.labels)} classes in {self.source}"
        pictures = Counter(item.split or UNSPLIT for item in self.items)
        splits = [
            f"{split}: {pictures[split]:,} ({_shortened(by_label)})"
            for split, by_label in self.counts().items()
        ]
        left_out = [f"files left out: {len(self.problems):,}"] if self.problems else []
        return [heading, *read_as, *splits, *left_out]


def _shortened(by_label: dict[str, int]) -> str:
    shown = [f"{label} {count:,}" for label, count in list(by_label.items())[:_CLASSES_SHOWN]]
    return ", ".join(shown) + (" …" if len(by_label) > _CLASSES_SHOWN else "")

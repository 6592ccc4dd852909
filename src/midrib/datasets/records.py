"""What a dataset is: labelled pictures, known by their content."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np

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
_DIGEST_BYTES = 32


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
        told = [sorted(self.labels), self.split or UNSPLIT, self.group or "", self.annotated]
        return [self.sha256, *told]

    @property
    def annotated(self) -> str:
        """Fingerprint of its annotations, whatever their order; empty where it has none."""
        keys = sorted((each.key() for each in self.annotations), key=str)
        return fingerprint(keys) if keys else ""


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
class Summary:
    """What is counted of items, in whatever order they come.

    ``version`` is 64 hex digits. ``pictures`` are counted by split ('unsplit' where none is
    given), ``counts`` by split and then label; neither names what does not occur.
    """

    version: str
    task: Task
    pictures: dict[str, int]
    counts: dict[str, dict[str, int]]


class Tally:
    """Counts items one after the other and keeps 32 bytes of each."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self._pictures: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._one_class_each, self._boxes, self._outlines = True, False, False

    def add(self, item: Item) -> None:
        """Count one more."""
        split = item.split or UNSPLIT
        self._digests += bytes.fromhex(fingerprint(item.key()))
        self._pictures[split] += 1
        self._counts[split].update(item.named)
        self._one_class_each &= len(item.labels) == 1
        self._boxes |= bool(item.annotations)
        self._outlines |= any(each.polygons or each.mask for each in item.annotations)

    def summary(self) -> Summary:
        """What was counted so far."""
        counts = {split: dict(sorted(labels.items())) for split, labels in self._counts.items()}
        return Summary(self._version(), self._task(), dict(self._pictures), counts)

    def _version(self) -> str:
        digests = np.frombuffer(self._digests, dtype=f"S{_DIGEST_BYTES}")
        return hashlib.sha256(np.sort(digests).tobytes()).hexdigest()

    def _task(self) -> Task:
        if self._boxes:
            return "segmentation" if self._outlines else "detection"
        return "classification" if self._one_class_each else "multi-label"


class KeptItems(Sequence[Item]):
    """Items that lie on disk and are read when asked for; what is counted of them is known."""

    @property
    @abstractmethod
    def summary(self) -> Summary:
        """What was counted when they were written."""

    @abstractmethod
    def of(self, split: Split) -> Sequence[Item]:
        """Those of one split, in their order, read when asked for."""


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures of one source, with what had to be left out.

    ``items`` are a tuple, or lie on disk (`KeptItems`): go through them in their order where you
    can, since that reads each once. ``labels`` are sorted; a class's index in them is the model's
    output index. ``format`` is the name of the format that the source was read as.
    """

    source: Path
    items: Sequence[Item]
    labels: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    format: str = ""
    named: str = ""
    """What to name it by again, where ``source`` is a copy of an archive or a bucket."""

    @property
    def place(self) -> str:
        """Where it comes from, as a user names it."""
        return self.named or str(self.source)

    @cached_property
    def summary(self) -> Summary:
        """Version, task and counts, from one pass over the items at most."""
        if isinstance(self.items, KeptItems):
            return self.items.summary
        tally = Tally()
        for item in self.items:
            tally.add(item)
        return tally.summary()

    @property
    def version(self) -> str:
        """SHA-256 of contents, labels, annotations, splits and groups; names and order do not."""
        return self.summary.version

    @property
    def task(self) -> Task:
        """What the labels ask for: outlines or masks, else boxes, else one class or several."""
        return self.summary.task

    def of(self, split: Split) -> Sequence[Item]:
        """The items of one split, in the dataset's order."""
        if isinstance(self.items, KeptItems):
            return self.items.of(split)
        return [item for item in self.items if item.split == split]

    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures by split ('unsplit' where none is given) and label; every label is named.

        A picture with several labels counts for each of them.
        """
        counted = self.summary.counts
        return {
            split: {label: counted[split].get(label, 0) for label in self.labels}
            for split in (*SPLITS, UNSPLIT)
            if split in counted
        }

    def as_record(self) -> dict[str, object]:
        """JSON-ready: source, version, labels, counts and problems."""
        return {
            "source": self.place,
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
        pictures, classes = len(self.items), len(self.labels)
        heading = (
            f"{pictures:,} picture{'s' * (pictures != 1)}, "
            f"{classes} class{'es' * (classes != 1)} in {self.place}"
        )
        splits = [
            f"{split}: {self.summary.pictures[split]:,} ({_shortened(by_label)})"
            for split, by_label in self.counts().items()
        ]
        left_out = [f"files left out: {len(self.problems):,}"] if self.problems else []
        return [heading, *read_as, *splits, *left_out]


def _shortened(by_label: dict[str, int]) -> str:
    shown = [f"{label} {count:,}" for label, count in list(by_label.items())[:_CLASSES_SHOWN]]
    return ", ".join(shown) + (" …" if len(by_label) > _CLASSES_SHOWN else "")

"""What a dataset is: labelled pictures, known by their content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from midrib.config import fingerprint

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
UNSPLIT = "unsplit"
_CLASSES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled picture.

    ``path`` is absolute; ``sha256`` (64 hex digits) and ``bytes`` are of the encoded file.
    ``width`` and ``height`` are pixels of the upright picture, 0 where unknown; ``mode`` and
    ``format`` are the file's own, as Pillow names them ('RGB', 'L'; 'JPEG', 'PNG').
    """

    path: Path
    label: str
    sha256: str
    bytes: int
    split: Split | None
    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""


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

    ``labels`` are sorted; a class's index in them is the model's output index.
    """

    source: Path
    items: tuple[Item, ...]
    labels: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    @cached_property
    def version(self) -> str:
        """SHA-256 of contents, labels and splits; names, places and order do not count."""
        return fingerprint(sorted([i.sha256, i.label, i.split or UNSPLIT] for i in self.items))

    def of(self, split: Split) -> list[Item]:
        """The items of one split, in the dataset's order."""
        return [item for item in self.items if item.split == split]

    def counts(self) -> dict[str, dict[str, int]]:
        """Pictures by split ('unsplit' where none is given) and label; every label is named."""
        found = Counter((item.split or UNSPLIT, item.label) for item in self.items)
        return {
            split: {label: found[split, label] for label in self.labels}
            for split in (*SPLITS, UNSPLIT)
            if any(found[split, label] for label in self.labels)
        }

    def as_record(self) -> dict[str, object]:
        """JSON-ready: source, version, labels, counts and problems."""
        return {
            "source": str(self.source),
            "version": self.version,
            "pictures": len(self.items),
            "labels": list(self.labels),
            "counts": self.counts(),
            "problems": [problem.as_record() for problem in self.problems],
        }

    def lines(self) -> list[str]:
        """The dataset for a terminal: a heading, a line a split, a line for what was left out."""
        heading = f"{len(self.items):,} pictures, {len(self.labels)} classes in {self.source}"
        splits = [
            f"{split}: {sum(by_label.values()):,} ({_shortened(by_label)})"
            for split, by_label in self.counts().items()
        ]
        left_out = [f"files left out: {len(self.problems):,}"] if self.problems else []
        return [heading, *splits, *left_out]


def _shortened(by_label: dict[str, int]) -> str:
    shown = [f"{label} {count:,}" for label, count in list(by_label.items())[:_CLASSES_SHOWN]]
    return ", ".join(shown) + (" …" if len(by_label) > _CLASSES_SHOWN else "")

"""Whether there is enough to learn from: several classes, and pictures of each for every split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from midrib.datasets.records import SPLITS, Item


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that training would want. ``label``: of which class; all three are clauses."""

    label: str
    came: str
    expected: str
    todo: str


def lacks(labels: Iterable[str], items: Sequence[Item]) -> Iterator[Lack]:
    """What is wanting to learn ``labels`` from ``items``, the smallest class first.

    Only of pictures with one class each: objects and several classes a picture are counted by no
    rule as simple.
    """
    if any(len(item.labels) != 1 or item.annotations for item in items):
        return
    known = sorted(labels)
    if len(known) == 1:
        yield Lack(
            known[0],
            f"there is one class only, '{known[0]}'",
            expected="at least two classes to tell apart",
            todo="add pictures of another class",
        )
    elif items and all(item.split for item in items):
        yield from _not_in_train(known, items)
    else:
        yield from _too_few(known, items)


def _not_in_train(labels: Sequence[str], items: Iterable[Item]) -> Iterator[Lack]:
    learnt = {item.label for item in items if item.split == "train"}
    for label in labels:
        if label not in learnt:
            yield Lack(
                label,
                f"class '{label}' has no usable picture in train",
                expected="at least one of every class",
                todo="add some, or remove the class",
            )


def _too_few(labels: Sequence[str], items: Iterable[Item]) -> Iterator[Lack]:
    distinct: dict[str, set[str]] = defaultdict(set)
    for item in items:
        distinct[item.label].add(item.sha256)
    for count, label in sorted((len(distinct[label]), label) for label in labels):
        if count < len(SPLITS):
            yield Lack(
                label,
                f"class '{label}' has too few usable pictures that differ ({count})",
                expected=f"at least {len(SPLITS)}, to learn from, to choose by and to judge by",
                todo="add some, or remove the class",
            )

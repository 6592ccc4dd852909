"""Which pictures of a dataset are meant: of a split, of a class, some of each."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path

from midrib.datasets import Dataset, Item, Split, load_splits
from midrib.errors import DatasetError
from midrib.names import unknown_name
from midrib.pipeline.data.reading import splits_table
from midrib.settings import Settings


def chosen(
    dataset: Dataset,
    source: str | Path,
    settings: Settings,
    *,
    split: Split | None,
    label: str | None,
) -> list[Item]:
    """The pictures of a split and of a class, in the dataset's order; all where neither is told.

    Pictures are in the splits that the source gives them, else in those that were drawn before.

    Raises:
        UnknownNameError: no such class.
        DatasetError: no such picture.
    """
    if label is not None and label not in dataset.labels:
        raise unknown_name("class", label, dataset.labels)
    items: Iterable[Item] = dataset.items
    if split is not None:
        items = (item for item in _placed(items, source, settings) if item.split == split)
    if label is not None:
        items = (item for item in items if label in item.named)
    found = list(items)
    if not found:
        wanted = " and ".join(filter(None, [split, f"class '{label}'" if label else None]))
        raise DatasetError(
            f"{dataset.place} has no picture of {wanted}",
            expected="at least one",
            todo="run 'midrib data split' if it was never split, or choose others",
        )
    return found


def in_turn(items: Sequence[Item], most: int) -> list[Item]:
    """At most ``most`` pictures, classes in turn, each in its order."""
    by_class: dict[frozenset[str], list[Item]] = defaultdict(list)
    for item in items:
        by_class[item.named].append(item)
    ordered = (by_class[named] for named in sorted(by_class, key=sorted))
    rounds = chain.from_iterable(zip_longest(*ordered))
    return list(islice((item for item in rounds if item is not None), most))


def at_random(items: Sequence[Item], most: int, seed: int) -> list[Item]:
    """At most ``most`` pictures, drawn by content and seed: the same wherever they lie."""

    def lot(item: Item) -> bytes:
        return hashlib.sha256(f"{seed}:{item.sha256}:{item.path.name}".encode()).digest()

    return sorted(items, key=lot)[:most]


def _placed(items: Iterable[Item], source: str | Path, settings: Settings) -> Iterable[Item]:
    """Items in the splits that are remembered, where the source gives none."""
    table = splits_table(source, settings)
    known = load_splits(table) if table.is_file() else {}
    return (item if item.split else replace(item, split=known.get(item.sha256)) for item in items)

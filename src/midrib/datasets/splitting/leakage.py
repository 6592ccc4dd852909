"""Pictures that judge a model although it has learnt from a copy of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from midrib.datasets.copies import Likeness
from midrib.datasets.records import SPLITS, Dataset, Item
from midrib.errors import DatasetError

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Leak:
    """A held-out picture and a copy of it in a split that comes before; ``exact``: same bytes."""

    held_out: Item
    known: Item
    exact: bool

    def __str__(self) -> str:
        sign = "=" if self.exact else "≈"
        return (
            f"{self.held_out.path} ({self.held_out.split}) {sign} "
            f"{self.known.path} ({self.known.split})"
        )


def find_leaks(dataset: Dataset, copies: Iterable[Likeness]) -> tuple[Leak, ...]:
    """Held-out pictures with a copy in a split that comes before theirs, one leak a picture.

    Args:
        dataset: split.
        copies: verified near-copies among its pictures; copies of the same bytes are found here.
    """
    by_content: dict[str, list[Item]] = defaultdict(list)
    for item in dataset.items:
        by_content[item.sha256].append(item)
    alike: dict[str, set[str]] = defaultdict(set)
    for copy in copies:
        alike[copy.first].add(copy.second)
        alike[copy.second].add(copy.first)
    leaks = []
    for item in dataset.items:
        for content in (item.sha256, *sorted(alike.get(item.sha256, ()))):
            known = _earlier(item, by_content.get(content, ()))
            if known is not None:
                leaks.append(Leak(item, known, exact=content == item.sha256))
                break
    return tuple(leaks)


def require_no_leaks(dataset: Dataset, leaks: Sequence[Leak], *, given: bool) -> None:
    """Refuse to train where the score would lie.

    Args:
        dataset: whose leaks they are.
        leaks: as `find_leaks` gives them.
        given: whether the source itself gives the splits.

    Raises:
        DatasetError: there are leaks; says which and what mends it.
    """
    if not leaks:
        return
    shown = "; ".join(map(str, leaks[:_SHOWN])) + (" …" if len(leaks) > _SHOWN else "")
    source = dataset.source
    mend = (
        f"move both of each pair into one split of {source}, which gives the splits itself"
        if given
        else f"run 'midrib data split {source} --anew', which keeps copies together"
    )
    raise DatasetError(
        f"{len(leaks):,} held-out pictures are copies of pictures in an earlier split: {shown}",
        expected="no copy on two sides of a split, or the score says nothing",
        todo=f"{mend}; or train with --allow-leak to see the score with and without them",
    )


def _earlier(item: Item, others: Iterable[Item]) -> Item | None:
    """The first of ``others`` in a split that a model knows before it meets ``item``."""
    if item.split is None:
        return None
    before = SPLITS[: SPLITS.index(item.split)]
    known = [other for other in others if other.split in before]
    return min(known, key=lambda other: (before.index(other.split), other.path), default=None)

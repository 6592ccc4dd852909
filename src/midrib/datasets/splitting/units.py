"""What a split must not divide: copies, near-copies and groups, as connected parts of a graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from midrib.datasets.records import SPLITS, Split

_GROUP = "group "


@dataclass
class Ties:
    """Pictures, by SHA-256, and what ties them to each other."""

    _linked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add_pictures(self, pictures: Iterable[str]) -> None:
        """Make pictures known that nothing may be tied to."""
        for picture in pictures:
            self._linked[picture]

    def tie(self, first: str, second: str) -> None:
        """Keep two pictures together."""
        self._linked[first].add(second)
        self._linked[second].add(first)

    def put_in_group(self, picture: str, group: str) -> None:
        """Keep a picture together with all others of ``group``."""
        self.tie(picture, _GROUP + group)

    def parts(self, among: AbstractSet[str]) -> Iterator[list[str]]:
        """Connected pictures of ``among``, sorted; ties through groups count, others do not."""
        seen: set[str] = set()
        for start in sorted(among):
            if start not in seen:
                reached = self._reach(start, among)
                seen |= reached
                yield sorted(reached & among)

    def neighbours(self, picture: str) -> set[str]:
        """Pictures that ``picture`` is tied to, itself or by a group."""
        direct = self._linked[picture]
        through = {each for tied in direct if _is_group(tied) for each in self._linked[tied]}
        return {each for each in direct if not _is_group(each)} | through - {picture}

    def _reach(self, start: str, among: AbstractSet[str]) -> set[str]:
        reached, waiting = {start}, [start]
        while waiting:
            for tied in self._linked[waiting.pop()]:
                if tied not in reached and (tied in among or _is_group(tied)):
                    reached.add(tied)
                    waiting.append(tied)
        return reached


def join_decided(
    ties: Ties, decided: Mapping[str, Split], open_pictures: AbstractSet[str]
) -> tuple[dict[str, Split], dict[str, set[str]]]:
    """Give pictures that belong to decided ones their split.

    Returns what was decided of ``open_pictures``, and those that had to be set aside since they
    would join pictures of several splits, each with the decided pictures that it would join.
    """
    joined: dict[str, Split] = {}
    aside: dict[str, set[str]] = {}
    remaining = set(open_pictures)
    waiting = list(ties.parts(remaining))
    while waiting:
        part = waiting.pop()
        touched = {member: ties.neighbours(member) & decided.keys() for member in part}
        splits = {decided[each] for found in touched.values() for each in found}
        if len(splits) == 1:
            joined |= dict.fromkeys(part, splits.pop())
        elif splits:
            bridge = _bridge(touched, decided)
            aside[bridge] = touched[bridge]
            remaining.discard(bridge)
            waiting.extend(ties.parts(set(part) - {bridge}))
    return joined, aside


def torn(
    ties: Ties, drawn: Mapping[str, Split], decided: Mapping[str, Split]
) -> dict[str, set[str]]:
    """Drawn pictures that are tied to one of another split, each with those that it is tied to.

    Of two that were drawn only the one of the later split is told.
    """
    standing = dict(decided)
    found: dict[str, set[str]] = {}
    for picture in sorted(drawn, key=lambda each: (SPLITS.index(drawn[each]), each)):
        tied = ties.neighbours(picture) & standing.keys()
        foreign = {each for each in tied if standing[each] != drawn[picture]}
        if foreign:
            found[picture] = foreign
        else:
            standing[picture] = drawn[picture]
    return found


def _bridge(touched: Mapping[str, set[str]], decided: Mapping[str, Split]) -> str:
    """The picture to set aside: one that touches most splits itself, the first by its hash."""

    def reach(picture: str) -> tuple[int, str]:
        return -len({decided[each] for each in touched[picture]}), picture

    return min((picture for picture in touched if touched[picture]), key=reach)


def _is_group(node: str) -> bool:
    return node.startswith(_GROUP)

"""The draw: units that stay together get splits so that each class has its shares."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from midrib.datasets.records import SPLITS, Split
from midrib.datasets.splitting.config import SplitConfig


def draw(
    labels_of: Mapping[str, AbstractSet[str]],
    units: Iterable[Sequence[str]],
    decided: Mapping[str, Split],
    open_splits: Sequence[Split],
    config: SplitConfig,
) -> dict[str, Split]:
    """Draw a split for every unit; returns the splits of its pictures, by SHA-256.

    Classes are served from the rarest to the most frequent, each by the pictures of it that no
    rarer one has placed (Sechidis, Tsoumakas, Vlahavas, 'On the Stratification of Multi-Label
    Data', 2011): so shares are met for several labels a picture and for objects in pictures too.

    Args:
        labels_of: the classes of every picture, decided or not; none is a class of its own.
        units: pictures to draw for; those of one unit get one split.
        decided: splits that stand already.
        open_splits: what may be drawn.
        config: shares and seed.
    """
    fixed = [tuple(unit) for unit in units]
    named = {picture: labels or {""} for picture, labels in labels_of.items()}
    pictures = Counter(label for labels in named.values() for label in labels)
    drawn = dict(decided)
    for label in sorted(pictures, key=lambda label: (pictures[label], label)):
        members = {picture for picture, labels in named.items() if label in labels}
        waiting = [unit for unit in fixed if unit[0] not in drawn and not members.isdisjoint(unit)]
        drawn |= _fill(members, waiting, drawn, open_splits, config)
    return {picture: split for picture, split in drawn.items() if picture not in decided}


def _fill(
    members: AbstractSet[str],
    waiting: Sequence[tuple[str, ...]],
    decided: Mapping[str, Split],
    open_splits: Sequence[Split],
    config: SplitConfig,
) -> dict[str, Split]:
    """Draw splits for the units of one class so that its shares are met."""
    have = Counter(decided[picture] for picture in members & decided.keys())
    targets = _targets(len(members), config)
    drawn: dict[str, Split] = {}
    large = [unit for unit in waiting if len(unit) > 1]
    for unit in sorted(large, key=lambda unit: (-len(unit), lot(unit[0], config.seed))):
        count = len(members & set(unit))
        split = _roomiest(count, have, targets, open_splits)
        have[split] += count
        drawn |= dict.fromkeys(unit, split)
    singles = [unit[0] for unit in waiting if len(unit) == 1]
    singles.sort(key=lambda picture: lot(picture, config.seed))
    places = _places(len(singles), have, targets, open_splits)
    # Held-out splits take the lowest lots, so that few change when some pictures come or go.
    order = [split for split in reversed(SPLITS) for _ in range(places[split])]
    return drawn | dict(zip(singles, order, strict=True))


def _roomiest(
    count: int,
    have: Mapping[Split, int],
    targets: Mapping[Split, int],
    open_splits: Sequence[Split],
) -> Split:
    """The split that lacks most of its share; a unit that would overfill the others is learnt."""

    def room(split: Split) -> tuple[bool, bool, float]:
        lacking = targets[split] - have.get(split, 0)
        fits = 2 * lacking >= count
        return fits, not fits and split == "train", lacking / max(1, targets[split])

    return max(open_splits, key=room)


def lot(sha256: str, seed: int) -> bytes:
    """The place of a picture in the draw: of its content and the seed alone."""
    return hashlib.sha256(f"{seed}:{sha256}".encode()).digest()


def _targets(count: int, config: SplitConfig) -> dict[Split, int]:
    """Pictures that each split of a class of ``count`` should have, at least one where it can."""
    if count < len(SPLITS):
        return {"train": count, "validation": 0, "test": 0}
    held_out: dict[Split, int] = {
        "validation": max(1, round(count * config.validation)),
        "test": max(1, round(count * config.test)),
    }
    while sum(held_out.values()) > count - 1:
        held_out[max(held_out, key=lambda split: held_out[split])] -= 1
    return {"train": count - sum(held_out.values()), **held_out}


def _places(
    count: int, have: Counter[Split], targets: Mapping[Split, int], open_splits: Sequence[Split]
) -> Counter[Split]:
    """How many of ``count`` pictures each split gets.

    Empty splits come first, then the held-out one that lacks most; what is left is learnt from.
    """
    filled = Counter(have)

    def need(split: Split) -> tuple[bool, int]:
        empty = targets[split] > 0 and not filled[split]
        return empty, 0 if split == "train" else targets[split] - filled[split]

    for _ in range(count):
        filled[max(open_splits, key=need)] += 1
    return filled - have

"""Who learns, who tunes, who judges: decided once for every picture, by its content."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pydantic import Field, model_validator

from midrib.config import Config
from midrib.datasets.records import SPLITS, Dataset, Item, Split

_MOST_HELD_OUT = 0.9


class SplitConfig(Config):
    """How many pictures are kept from training, and by which draw."""

    validation: float = Field(default=0.15, gt=0, lt=_MOST_HELD_OUT)
    """Share of the pictures of each class that choose epoch and threshold."""

    test: float = Field(default=0.15, gt=0, lt=_MOST_HELD_OUT)
    """Share of the pictures of each class that judge, once, at the end."""

    seed: int = Field(default=0, ge=0)
    """Of the draw."""

    @model_validator(mode="after")
    def _leaves_some_to_learn_from(self) -> SplitConfig:
        if self.validation + self.test >= _MOST_HELD_OUT:
            raise ValueError(f"validation and test together below {_MOST_HELD_OUT:.0%}")
        return self


def split_dataset(
    dataset: Dataset, config: SplitConfig, *, previous: Mapping[str, Split] | None = None
) -> Dataset:
    """Give every picture a split.

    Shares are met within rounding for each class, counted in pictures that differ; a class with
    three of them is in all three splits. Exact copies come into one split, whatever their
    labels. The draw depends on contents and seed, not on names or order.

    Splits that the source gives are kept. Where it gives one to every picture but leaves out
    validation or test altogether, those are drawn from its training pictures.

    Args:
        dataset: what to split.
        config: the shares and the seed.
        previous: SHA-256 of a picture to the split it had before (see `load_splits`): it stays
            there, so that adding pictures never moves one from training to test or back.
    """
    items, open_splits = _undecided(dataset.items)
    decided = _decided(items, open_splits, previous or {})
    for members in _strata(items).values():
        decided |= _fill(members, decided, open_splits, config)
    return replace(
        dataset,
        items=tuple(replace(item, split=item.split or decided[item.sha256]) for item in items),
    )


def _undecided(items: Sequence[Item]) -> tuple[Sequence[Item], tuple[Split, ...]]:
    """The items with those that have to be drawn freed, and the splits that are drawn for."""
    given = {item.split for item in items}
    lacking = [split for split in SPLITS if split not in given]
    if None in given or not lacking:
        return items, SPLITS
    freed = [replace(item, split=None) if item.split == "train" else item for item in items]
    return freed, ("train", *lacking)


def _decided(
    items: Iterable[Item], open_splits: Sequence[Split], previous: Mapping[str, Split]
) -> dict[str, Split]:
    decided: dict[str, Split] = {}
    for item in items:
        before = previous.get(item.sha256)
        if before is not None and before in open_splits:
            decided[item.sha256] = before
    # What was learnt from must not judge: of copies given to several splits, train counts.
    for split in reversed(SPLITS):
        decided |= {item.sha256: split for item in items if item.split == split}
    return decided


def _strata(items: Iterable[Item]) -> dict[str, set[str]]:
    """Distinct pictures by label; one under several labels counts for the rarest of them.

    Pictures without any label are a stratum of their own.
    """
    labels_of: dict[str, set[str]] = defaultdict(set)
    for item in items:
        labels_of[item.sha256] |= item.named or {""}
    pictures = Counter(label for labels in labels_of.values() for label in labels)
    strata: dict[str, set[str]] = defaultdict(set)
    for sha256, labels in labels_of.items():
        strata[min(labels, key=lambda label: (pictures[label], label))].add(sha256)
    return strata


def _fill(
    members: set[str],
    decided: Mapping[str, Split],
    open_splits: Sequence[Split],
    config: SplitConfig,
) -> dict[str, Split]:
    """Draw splits for the undecided of one class so that its shares are met."""
    drawn = sorted(members - decided.keys(), key=lambda sha256: _lot(sha256, config.seed))
    have = Counter(decided[sha256] for sha256 in members & decided.keys())
    places = _places(len(drawn), have, _targets(len(members), config), open_splits)
    # Held-out splits take the lowest lots, so that few change when some pictures come or go.
    order = [split for split in reversed(SPLITS) for _ in range(places[split])]
    return dict(zip(drawn, order, strict=True))


def _lot(sha256: str, seed: int) -> bytes:
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

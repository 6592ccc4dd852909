"""Splits that are not of one kind: what is learnt from differs from what judges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.records import Item, Split
from midrib.records import Floats

JUDGES: tuple[Split, ...] = ("validation", "test")
LEAST_OF_A_SPLIT = 20
LEAST_DISTANCE = 0.25
"""Kolmogorov and Smirnov's: the largest difference of the two shares below any value."""

BY_CHANCE = 0.001
"""Chance of a false alarm in one dataset, all comparisons together."""

_SHOWN = 6
_LEAST_SHARES_APART = 0.1
_TIMES_CHANCE = 3.0

Values = dict[str, Callable[[Item], float]]

MEASURED: Values = {
    "brightness": lambda item: item.measures.brightness if item.measures else math.nan,
    "contrast": lambda item: item.measures.contrast if item.measures else math.nan,
    "entropy": lambda item: item.measures.entropy if item.measures else math.nan,
    "sharpness": lambda item: item.measures.sharpness if item.measures else math.nan,
    "picture area": lambda item: float(item.width * item.height) or math.nan,
    "width over height": lambda item: item.width / item.height if item.height else math.nan,
}


@check(
    "drift",
    Gravity.WARNING,
    title="splits whose pictures differ",
    meaning="A score on pictures of another kind says little about training. If the split is by "
    "time, place or camera on purpose, it says how the model bears the change.",
    todo="Split again, by group if pictures belong together; or keep it, knowing what is measured.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def drift(evidence: Evidence) -> Iterator[Finding]:
    """A measure is distributed otherwise than in train, far beyond chance."""
    values = {
        name: np.array([of(item) for item in evidence.items]) for name, of in MEASURED.items()
    }
    yield from _differences(evidence, values)


@check(
    "embedding-drift",
    Gravity.WARNING,
    title="splits whose embeddings differ",
    meaning="What the backbone sees in one split it does not see in the other: other subjects, "
    "backgrounds or cameras.",
    todo="Look at the pictures shown; split again if this was not meant.",
    remedy=Remedy.NONE,
    shows_text=True,
    needs_embeddings=True,
)
def embedding_drift(evidence: Evidence) -> Iterator[Finding]:
    """Embeddings are distributed otherwise than in train along one of their main directions."""
    along = evidence.directions
    values = {f"main direction {axis + 1}": along[:, axis] for axis in range(along.shape[1])}
    yield from _differences(evidence, values)


@check(
    "class-drift",
    Gravity.WARNING,
    title="splits whose classes have other shares",
    meaning="Thresholds and accuracy depend on how frequent classes are.",
    todo="Split again so that shares are met in each class.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def class_drift(evidence: Evidence) -> Iterator[Finding]:
    """Shares of classes lie three times further apart than chance lets expect."""
    counts = evidence.dataset.counts()
    train = np.array(list(counts.get("train", {}).values()), float)
    for split in JUDGES:
        held = np.array(list(counts.get(split, {}).values()), float)
        if min(train.sum(), held.sum()) < LEAST_OF_A_SPLIT:
            continue
        apart = float(np.abs(train / train.sum() - held / held.sum()).sum() / 2)
        if apart > max(_LEAST_SHARES_APART, _TIMES_CHANCE * _apart_by_chance(train, held)):
            yield Finding(f"{split}: {apart:.0%} of the pictures would need another class", apart)


def _differences(evidence: Evidence, values: dict[str, Floats]) -> Iterator[Finding]:
    """A finding for each split and row of values (one a picture, in their order) that differs."""
    splits = np.array([item.split or "" for item in evidence.items])
    comparisons = len(values) * len(JUDGES)
    for split in JUDGES:
        for name, all_values in values.items():
            known = np.isfinite(all_values)
            train = all_values[known & (splits == "train")]
            rows = np.flatnonzero(known & (splits == split))
            if min(len(train), len(rows)) < LEAST_OF_A_SPLIT:
                continue
            held = all_values[rows]
            distance, bound = _distance(train, held), _bound(len(train), len(held), comparisons)
            if distance > max(bound, LEAST_DISTANCE):
                yield Finding(
                    f"{split}: {name} has median {np.median(held):.4g}, in train "
                    f"{np.median(train):.4g} (distance {distance:.2f})",
                    distance,
                    _furthest(evidence.items, rows, held, float(np.median(train))),
                )


def _distance(one: Floats, other: Floats) -> float:
    """Kolmogorov and Smirnov's distance of two samples, 0 to 1."""
    one, other = np.sort(one), np.sort(other)
    at = np.concatenate([one, other])
    below = [np.searchsorted(sample, at, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def _bound(one: int, other: int, comparisons: int) -> float:
    """What chance exceeds with `BY_CHANCE` in all comparisons: Smirnov's limit."""
    chance = BY_CHANCE / comparisons
    return math.sqrt(-math.log(chance / 2) / 2 * (one + other) / (one * other))


def _apart_by_chance(one: Floats, other: Floats) -> float:
    """The distance that shares of two draws from one source have on average (normal limit)."""
    share = (one + other) / (one.sum() + other.sum())
    spread = np.sqrt(share * (1 - share) * (1 / one.sum() + 1 / other.sum()))
    return float(np.sqrt(2 / np.pi) * spread.sum() / 2)


def _furthest(
    items: Sequence[Item], rows: np.ndarray, values: Floats, middle: float
) -> tuple[Path, ...]:
    """The pictures that lie furthest from train's median, on the side where most do."""
    side = 1 if np.median(values) >= middle else -1
    order = np.argsort(-side * values, kind="stable")[:_SHOWN]
    return tuple(items[int(rows[place])].path for place in order)

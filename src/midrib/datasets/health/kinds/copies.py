"""Pictures that are there twice: harmless, contradictory, or a lie about the score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from midrib.datasets.health.checks import Finding, Gravity, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.records import SPLITS, Item


@check(
    "exact-copy",
    Gravity.WARNING,
    title="exact copies",
    meaning="The same file counts several times. Splitting keeps copies together, so they do not "
    "leak, but they weigh more than others.",
    todo="Keep one of each; the others are moved out.",
)
def exact_copy(evidence: Evidence) -> Iterator[Finding]:
    """Files of the same bytes, under one label and in one split."""
    for group in evidence.copies:
        if not _disputed(group) and not _leaks(group):
            yield _finding("the same file", group[1:], group[:1])


@check(
    "label-conflict",
    Gravity.GRAVE,
    title="copies under several labels",
    meaning="One picture is said to show different things: one of the labels is wrong, and "
    "whichever answer a model gives is counted as a mistake somewhere.",
    todo="Decide by hand which is right; until then all of them are moved out.",
)
def label_conflict(evidence: Evidence) -> Iterator[Finding]:
    """Files of the same bytes that are labelled otherwise."""
    for group in evidence.copies:
        if _disputed(group):
            said = " or ".join(sorted({", ".join(sorted(item.named)) for item in group}))
            yield _finding(f"labelled {said}", group)


@check(
    "leak",
    Gravity.GRAVE,
    title="copies in several splits, which flatter every score",
    meaning="A model is judged by pictures that it has learnt by heart.",
    todo="Keep them where they judge; those that are learnt from are moved out.",
)
def leak(evidence: Evidence) -> Iterator[Finding]:
    """Files of the same bytes in train and in what judges."""
    for group in evidence.copies:
        if _leaks(group):
            judge = min(group, key=_judges_first).split
            learnt = [item for item in group if item.split != judge]
            yield _finding(_in_splits(group), learnt, [i for i in group if i.split == judge])


def _finding(text: str, group: Sequence[Item], kept: Sequence[Item] = ()) -> Finding:
    pictures, spared = (tuple(item.path for item in each) for each in (group, kept))
    return Finding(text, len(pictures) + len(spared), pictures, spared)


def _disputed(group: Sequence[Item]) -> bool:
    return len({item.labels for item in group}) > 1


def _leaks(group: Sequence[Item]) -> bool:
    return len({item.split for item in group if item.split}) > 1


def _judges_first(item: Item) -> int:
    """The test split first, pictures without a split last."""
    return -SPLITS.index(item.split) if item.split else 1


def _in_splits(group: Sequence[Item]) -> str:
    return ", ".join(f"{item.path.name} in {item.split or 'no split'}" for item in group)

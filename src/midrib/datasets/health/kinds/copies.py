"""Pictures that are there twice: harmless, contradictory, or a lie about the score.

Copies are files of the same bytes, and pictures whose aligned pixels agree (see
`midrib.datasets.copies`): saved again, scaled, cropped, mirrored or turned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from midrib.datasets.copies import Likeness
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
    for group in _harmless(evidence):
        if _is_exact(group):
            yield _finding("the same file", group[1:], group[:1])


@check(
    "near-copy",
    Gravity.WARNING,
    title="copies that were saved again, scaled, cropped, mirrored or turned",
    meaning="The same picture counts several times, though its bytes differ. A split that does "
    "not know of them lets a model be judged by what it has learnt.",
    todo="Keep one of each, the largest is the first; or leave them and split by 'midrib data "
    "split', which keeps them together.",
)
def near_copy(evidence: Evidence) -> Iterator[Finding]:
    """Pictures whose aligned pixels agree, under one label and in one split."""
    for group in _harmless(evidence):
        if not _is_exact(group):
            ordered = sorted(group, key=lambda item: -item.width * item.height)
            yield _finding("the same pixels in other bytes", ordered[1:], ordered[:1])


@check(
    "label-conflict",
    Gravity.GRAVE,
    title="copies under several labels",
    meaning="One picture is said to show different things: one of the labels is wrong, and "
    "whichever answer a model gives is counted as a mistake somewhere.",
    todo="Decide by hand which is right; until then all of them are moved out.",
)
def label_conflict(evidence: Evidence) -> Iterator[Finding]:
    """Copies that are labelled otherwise."""
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
    """Copies in train and in what judges."""
    for group in evidence.copies:
        if _leaks(group):
            judge = min(group, key=_judges_first).split
            learnt = [item for item in group if item.split != judge]
            same = "the same file" if _is_exact(group) else "the same pixels"
            text = f"{same}: {_in_splits(group)}"
            yield _finding(text, learnt, [item for item in group if item.split == judge])


@check(
    "look-alike",
    Gravity.NOTE,
    title="pictures that look alike without being copies",
    meaning="Often the same scene a moment later. On both sides of a split they flatter the "
    "score, though no pixel is copied.",
    todo="Look at those in several splits; name what belongs together as a group before splitting.",
)
def look_alike(evidence: Evidence) -> Iterator[Finding]:
    """Fingerprints are close, but aligned pixels differ; those in several splits come first."""
    for like in evidence.likenesses.look_alikes:
        yield _pair(evidence, like)


def _pair(evidence: Evidence, like: Likeness) -> Finding:
    group = [evidence.by_content[like.first][0], evidence.by_content[like.second][0]]
    one, other = sorted(group, key=_judges_first)
    apart = _leaks(group)
    text = f"similarity {like.similarity:.2f}" + f": {_in_splits(group)}" * apart
    return Finding(text, like.similarity + apart, (other.path,), (one.path,))


def _harmless(evidence: Evidence) -> Iterator[tuple[Item, ...]]:
    return (each for each in evidence.copies if not (_disputed(each) or _leaks(each)))


def _finding(text: str, group: Sequence[Item], kept: Sequence[Item] = ()) -> Finding:
    pictures, spared = (tuple(item.path for item in each) for each in (group, kept))
    return Finding(text, len(pictures) + len(spared), pictures, spared)


def _is_exact(group: Sequence[Item]) -> bool:
    return len({item.sha256 for item in group}) == 1


def _disputed(group: Sequence[Item]) -> bool:
    """Whether classes differ, or of one file the objects too: a crop's lie elsewhere."""
    named = {(item.labels, item.named) for item in group}
    objects = {item.annotated for item in group} if _is_exact(group) else set()
    return len(named) > 1 or len(objects) > 1


def _leaks(group: Sequence[Item]) -> bool:
    return len({item.split for item in group if item.split}) > 1


def _judges_first(item: Item) -> int:
    """The test split first, pictures without a split last."""
    return -SPLITS.index(item.split) if item.split else 1


def _in_splits(group: Sequence[Item]) -> str:
    return ", ".join(f"{item.path.name} in {item.split or 'no split'}" for item in group)

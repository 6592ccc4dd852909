"""What embeddings tell: labels that neighbours do not share, pictures without neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from midrib.datasets.health.checks import Finding, Gravity, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.neighbours import COUNT

AGREEING = 0.8
"""Share of the neighbours that have one other label."""

OWN = 0.1
"""Share of them that may have the label itself."""

FAR = 6.0
"""Robust standard deviations from which a picture is alone."""

LEAST_PICTURES = 3 * COUNT
NEAR_SHARE, NEAR_DISTANCE = 0.1, 0.05
"""Of the median distance to the nearest, and as 1 less the cosine."""

_TO_DEVIATIONS = 1.4826
_SHOWN_NEIGHBOURS = 3


@check(
    "mislabelled",
    Gravity.WARNING,
    title="labels that nearly all similar pictures contradict",
    meaning="Pictures that look alike carry another label: these may be wrong, or hard.",
    todo="Look at each beside its neighbours; relabel what is wrong, keep what is only hard.",
    shows_text=True,
    needs_embeddings=True,
)
def mislabelled(evidence: Evidence) -> Iterator[Finding]:
    """Eight of ten neighbours agree on another label, at most one on this.

    Classes that have not enough pictures to surround one of their own are left alone.
    """
    named = ["; ".join(sorted(item.named)) for item in evidence.items]
    sizes = Counter(named)
    found = evidence.neighbours
    for place, row in enumerate(found.places):
        near = row[row >= 0]
        if sizes[named[place]] <= COUNT or len(near) < COUNT:
            continue
        votes = Counter(named[other] for other in near)
        other, count = votes.most_common(1)[0]
        own = votes[named[place]] / len(near)
        if other == named[place] or count / len(near) < AGREEING or own > OWN:
            continue
        picture = evidence.items[place].path
        text = f"{picture.name}: '{named[place]}', {count} of {len(near)} neighbours '{other}'"
        nearest = tuple(evidence.items[each].path for each in near[:_SHOWN_NEIGHBOURS])
        surprise = count / len(near) + float(found.similarity[place, 0])
        yield Finding(text, surprise, (picture,), nearest)


@check(
    "outlier",
    Gravity.NOTE,
    title="pictures unlike all others",
    meaning="Nothing in the dataset looks like them: another subject, a screenshot, a broken "
    "export, or a rare case that should have company.",
    todo="Move out what does not belong; gather more of what does.",
    needs_embeddings=True,
)
def outlier(evidence: Evidence) -> Iterator[Finding]:
    """The mean distance to the neighbours is far above the usual."""
    if len(evidence.items) < LEAST_PICTURES:
        return
    distance = evidence.neighbours.distance
    middle = float(np.median(distance))
    deviation = _TO_DEVIATIONS * float(np.median(np.abs(distance - middle)))
    for place in np.flatnonzero(distance > middle + FAR * max(deviation, 1e-3)):
        text = f"distance {distance[place]:.2f}, the median is {middle:.2f}"
        yield Finding(text, float(distance[place]), (evidence.items[place].path,))


@check(
    "near-embedding",
    Gravity.NOTE,
    title="pictures whose embeddings are almost the same",
    meaning="To the backbone they show the same: often one scene a moment later. On both sides of "
    "a split they flatter the score, though no pixel is copied.",
    todo="Look at those in several splits; name what belongs together as a group before splitting.",
    needs_embeddings=True,
)
def near_embedding(evidence: Evidence) -> Iterator[Finding]:
    """Two pictures are each other's nearest, at a tenth of the usual distance."""
    found = evidence.neighbours
    if len(evidence.items) < LEAST_PICTURES:
        return
    nearest, distance = found.places[:, 0], 1 - found.similarity[:, 0]
    bound = min(NEAR_DISTANCE, NEAR_SHARE * float(np.median(distance)))
    for place in np.flatnonzero((distance < bound) & (nearest >= 0)):
        other = int(nearest[place])
        if nearest[other] == place and other > place:
            continue  # told when its turn comes
        one, two = evidence.items[place], evidence.items[other]
        apart = one.split != two.split
        text = f"distance {distance[place]:.3f}" + f", in {one.split} and {two.split}" * apart
        yield Finding(text, apart + 1 - float(distance[place]), (one.path,), (two.path,))

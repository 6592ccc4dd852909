"""What reading left out, by the kind of fault that it shows.

A `Problem` carries a kind in words, given by the format or by inspection; here each is assigned
to the check that tells it. Kinds that no check knows are told as left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding
from midrib.datasets.health.evidence import Evidence

UNREADABLE = frozenset({"unreadable", "corrupt", "not a picture", "too large"})
TRUNCATED = frozenset({"truncated"})
NO_SHAPE = frozenset({"bad box", "bad outline", "not a number"})
BEYOND = frozenset({"beyond the picture"})
BAD_MASK = frozenset({"bad mask"})
UNKNOWN_CLASS = frozenset({"unknown class"})
ANOTHER_SIZE = frozenset({"another size"})
UNLABELLED = frozenset({"no class", "no annotation"})
ORPHAN = frozenset({"missing", "no picture"})
_TOLD_ELSEWHERE = frozenset().union(
    UNREADABLE,
    TRUNCATED,
    NO_SHAPE,
    BEYOND,
    BAD_MASK,
    UNKNOWN_CLASS,
    ANOTHER_SIZE,
    UNLABELLED,
    ORPHAN,
)

LEFT_OUT: frozenset[str] = frozenset()
"""Stands for every kind that no check tells."""


def told_as(evidence: Evidence, kinds: frozenset[str]) -> Iterator[Finding]:
    """A finding for each problem of ``kinds``."""
    for problem in evidence.dataset.problems:
        if problem.kind in kinds if kinds else problem.kind not in _TOLD_ELSEWHERE:
            text = f"{problem.path.name} ({problem.kind}: {problem.reason})"
            yield Finding(text, 0, (problem.path,))

"""Pictures without a label, and labels without a picture."""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.problems import ORPHAN, UNLABELLED, told_as


@check(
    "missing-label",
    Gravity.WARNING,
    title="pictures without a label",
    meaning="Nothing says what they show. Among pictures with objects they count as empty scenes, "
    "which is wrong if they were only forgotten.",
    todo="Label them, or move them out; leave scenes that are truly empty.",
)
def missing_label(evidence: Evidence) -> Iterator[Finding]:
    """Neither a class nor an object is given."""
    for item in evidence.items:
        if not item.labels and not item.annotations:
            yield Finding("neither a class nor an object", 0, (item.path,))
    yield from told_as(evidence, UNLABELLED)


@check(
    "orphan-label",
    Gravity.WARNING,
    title="labels without a picture",
    meaning="The source names pictures that are not there: something was lost or renamed.",
    todo="Put the pictures back, or remove what names them.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def orphan_label(evidence: Evidence) -> Iterator[Finding]:
    """A picture is named that does not exist."""
    yield from told_as(evidence, ORPHAN)

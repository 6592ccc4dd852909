"""How many pictures the classes have, in each split and at all."""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.records import SPLITS
from midrib.datasets.sufficiency import lacks

IMBALANCE_WORTH_A_WARNING = 10.0


@check(
    "class-imbalance",
    Gravity.WARNING,
    title="classes with many times the pictures of others",
    meaning="A model that always answers the large class already scores well on accuracy.",
    todo="Gather pictures of the small class, train with class weights, and judge by a score that "
    "counts classes alike.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def class_imbalance(evidence: Evidence) -> Iterator[Finding]:
    """The largest class of a split has ten times the pictures of the smallest that is there."""
    for split, by_label in evidence.dataset.counts().items():
        there = {label: count for label, count in by_label.items() if count}
        if not there:
            continue
        largest, smallest = (best(there, key=there.__getitem__) for best in (max, min))
        times = there[largest] / there[smallest]
        if times >= IMBALANCE_WORTH_A_WARNING:
            text = f"{split}: {largest} has {times:.0f} times the pictures of {smallest}"
            yield Finding(text, times)


@check(
    "class-missing",
    Gravity.WARNING,
    title="classes without a picture in a split",
    meaning="What training never saw it cannot answer; what test does not hold is not judged.",
    todo="Add pictures of them, or split again.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def class_missing(evidence: Evidence) -> Iterator[Finding]:
    """A split that has no picture of a class."""
    for split, by_label in evidence.dataset.counts().items():
        lacking = [label for label, count in by_label.items() if not count]
        if split in SPLITS and lacking:
            text = f"{split} has no picture of {', '.join(lacking)}"
            yield Finding(text, len(lacking) + (len(by_label) if split == "train" else 0))


@check(
    "class-too-small",
    Gravity.WARNING,
    title="classes that cannot be learnt",
    meaning="Training refuses them: one class alone can be told from nothing, and a class needs "
    "pictures to learn from, to choose by and to judge by.",
    todo="Add pictures of them, or remove the class.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def class_too_small(evidence: Evidence) -> Iterator[Finding]:
    """What training would refuse for want of pictures."""
    for lack in lacks(evidence.dataset.labels, evidence.items):
        yield Finding(lack.came)

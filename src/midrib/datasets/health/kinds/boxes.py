"""Boxes that cannot be right: empty, beyond the picture, tiny, twice, absurd."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from midrib.datasets.annotations import XYXY, Annotation
from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.problems import BEYOND, NO_SHAPE, told_as
from midrib.datasets.records import Item

TOLERANCE_PIXELS = 1.0
"""By which a box may stand out: formats that count pixels from 1 are off by one."""

TINY_PIXELS = 4.0
DUPLICATE_OVERLAP = 0.95
ABSURD_ASPECT = 20.0
ABSURD_FACTOR = 32.0
"""Area over the median area of the class, or the reverse; as shares of the picture."""

LEAST_OF_A_CLASS = 20
"""Boxes of a class from which its median says something."""


@check(
    "box-empty",
    Gravity.WARNING,
    title="boxes and outlines without an area",
    meaning="They hold nothing and are left out; some trainers turn them into NaN.",
    todo="Draw them again, or delete them where they were drawn.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def box_empty(evidence: Evidence) -> Iterator[Finding]:
    """Width or height is not above 0, a corner is missing, or something is no number."""
    yield from told_as(evidence, NO_SHAPE)


@check(
    "box-out-of-frame",
    Gravity.WARNING,
    title="pictures with boxes that reach out of them",
    meaning="The boxes are for another size or orientation, or were dragged over the edge.",
    todo="If many are found, look whether sizes or EXIF orientation were mixed up; otherwise clip.",
)
def box_out_of_frame(evidence: Evidence) -> Iterator[Finding]:
    """More than a pixel lies outside."""
    for item in _boxed(evidence):
        out = [each.xyxy for each in item.annotations if _beyond(item, each.xyxy) > 0]
        if out:
            worst = max(_beyond(item, box) for box in out)
            text = f"{_boxes(len(out))} up to {worst:.0f} pixels outside"
            yield Finding(text, worst, (item.path,), boxes=tuple(out))
    yield from told_as(evidence, BEYOND)


@check(
    "box-tiny",
    Gravity.NOTE,
    title="pictures with tiny boxes",
    meaning="At the size that a model sees they are less than a pixel; often they are slips of the "
    "mouse.",
    todo="Delete slips where they were drawn; if the objects are truly that small, cut the "
    "pictures into tiles.",
)
def box_tiny(evidence: Evidence) -> Iterator[Finding]:
    """The shorter side is below four pixels."""
    for item in _boxed(evidence):
        tiny = [each.xyxy for each in item.annotations if min(_sides(each.xyxy)) < TINY_PIXELS]
        if tiny:
            least = min(min(_sides(box)) for box in tiny)
            text = f"{_boxes(len(tiny))}, the smallest side is {least:.1f} pixels"
            yield Finding(text, len(tiny), (item.path,), boxes=tuple(tiny))


@check(
    "box-duplicate",
    Gravity.WARNING,
    title="pictures with boxes drawn twice",
    meaning="The same object counts twice in training, and one of the two is always a miss.",
    todo="Delete one of each two where they were drawn; where classes differ, decide.",
)
def box_duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Two boxes share 95 hundredths of their area."""
    for item in _boxed(evidence):
        twice = list(_duplicates(item.annotations))
        if twice:
            disputed = sum(one.label != other.label for one, other in twice)
            text = f"{len(twice)} drawn twice" + f", {disputed} with two classes" * bool(disputed)
            boxes = tuple(one.xyxy for one, _ in twice)
            yield Finding(text, len(twice) + disputed, (item.path,), boxes=boxes)


@check(
    "box-absurd",
    Gravity.NOTE,
    title="pictures with boxes of an absurd size or shape",
    meaning="A strip, or an object many times larger or smaller than its class usually is: often a "
    "slip, or another class.",
    todo="Look at them; mend slips where they were drawn.",
)
def box_absurd(evidence: Evidence) -> Iterator[Finding]:
    """One side is 20 times the other, or the area is 32 times off the median of the class."""
    usual = _usual_shares(evidence)
    for item in _boxed(evidence):
        worst = {each.xyxy: _absurdity(item, each, usual) for each in item.annotations}
        absurd = tuple(box for box, much in worst.items() if much >= 1)
        if absurd:
            text = f"{_boxes(len(absurd))} of absurd size or shape"
            yield Finding(text, max(worst.values()), (item.path,), boxes=absurd)


def _boxed(evidence: Evidence) -> Iterator[Item]:
    return (item for item in evidence.items if item.annotations)


def _boxes(count: int) -> str:
    return f"{count} box" + "es" * (count != 1)


def _sides(xyxy: XYXY) -> tuple[float, float]:
    return xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]


def _beyond(item: Item, xyxy: XYXY) -> float:
    """Pixels by which a box stands out of its picture, 0 within the tolerance."""
    if not (item.width and item.height):
        return 0.0
    left, top, right, bottom = xyxy
    out = max(-left, -top, right - item.width, bottom - item.height)
    return out if out > TOLERANCE_PIXELS else 0.0


def _duplicates(annotations: Sequence[Annotation]) -> Iterator[tuple[Annotation, Annotation]]:
    """Pairs of the same box; a crowd may lie over what it stands for.

    Boxes that share so much begin at nearly the same place, so that each is only compared with
    those that follow it from the left within a share of its width.
    """
    single = sorted((a for a in annotations if not a.crowd), key=lambda each: each.xyxy)
    for place, one in enumerate(single):
        reach = one.xyxy[0] + (1 - DUPLICATE_OVERLAP) * _sides(one.xyxy)[0]
        for other in single[place + 1 :]:
            if other.xyxy[0] > reach:
                break
            if _overlap(one.xyxy, other.xyxy) >= DUPLICATE_OVERLAP and not _differ(one, other):
                yield one, other


def _differ(one: Annotation, other: Annotation) -> bool:
    """Whether outlines or masks tell two objects with one box apart."""
    return bool(one.mask and other.mask and one.mask != other.mask) or bool(
        one.polygons and other.polygons and one.polygons != other.polygons
    )


def _overlap(one: XYXY, other: XYXY) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (math.prod(_sides(one)) + math.prod(_sides(other)) - shared)


def _share(item: Item, each: Annotation) -> float:
    """A box's area as a share of its picture's."""
    return math.prod(_sides(each.xyxy)) / max(1, item.width * item.height)


def _usual_shares(evidence: Evidence) -> dict[str, float]:
    """The median share of each class that has boxes enough."""
    shares: dict[str, list[float]] = defaultdict(list)
    for item in _boxed(evidence):
        for each in item.annotations:
            shares[each.label].append(_share(item, each))
    return {label: median(of) for label, of in shares.items() if len(of) >= LEAST_OF_A_CLASS}


def _absurdity(item: Item, each: Annotation, usual: dict[str, float]) -> float:
    """How absurd a box is; 1 is the least that is told. Tiny ones are told as such."""
    sides = _sides(each.xyxy)
    if min(sides) < TINY_PIXELS:
        return 0.0
    aspect = max(sides) / min(sides) / ABSURD_ASPECT
    share, middle = _share(item, each), usual.get(each.label, 0)
    if not (share and middle):
        return aspect
    return max(aspect, math.log(max(share / middle, middle / share), ABSURD_FACTOR))

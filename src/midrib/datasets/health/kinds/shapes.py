"""Pictures of another shape than the rest: size, channels, orientation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from statistics import median

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence

ODD_SIDE_FACTOR = 4.0
"""Of the median: of the square root of the area, and of width over height."""

RARE_SHARE = 0.05
"""Pictures up to which something is odd rather than a second usual thing."""


@check(
    "odd-size",
    Gravity.NOTE,
    title="pictures of a size unlike the others",
    meaning="Small ones are enlarged and blurred for the model, narrow ones lose most to the crop.",
    todo="Look whether they are thumbnails or panoramas that came in by mistake.",
)
def odd_size(evidence: Evidence) -> Iterator[Finding]:
    """Area or proportions are far from the median, which few pictures are."""
    items = [item for item in evidence.items if item.width and item.height]
    if not items:
        return
    side = median(math.sqrt(item.width * item.height) for item in items)
    aspect = median(item.width / item.height for item in items)
    odd = []
    for item in items:
        of_side = _factor(math.sqrt(item.width * item.height), side)
        of_aspect = _factor(item.width / item.height, aspect)
        worst = max(of_side, of_aspect)
        if worst >= ODD_SIDE_FACTOR:
            text = f"{item.width} × {item.height}, the median side is {side:.0f}"
            odd.append(Finding(text, worst, (item.path,)))
    if len(odd) <= max(1, RARE_SHARE * len(items)):
        yield from odd


def _factor(one: float, other: float) -> float:
    return max(one / other, other / one)


@check(
    "odd-channels",
    Gravity.NOTE,
    title="pictures with other channels than the rest",
    meaning="A few grey, transparent or CMYK pictures among others often come from another source, "
    "and a model can learn the source instead of the class.",
    todo="Look where they come from; all become 8-bit RGB for the model.",
    shows_text=True,
)
def odd_channels(evidence: Evidence) -> Iterator[Finding]:
    """A channel mode that few pictures have while nearly all share another."""
    modes = Counter(item.mode for item in evidence.items)
    usual, count = max(modes.items(), key=lambda each: each[1], default=("", 0))
    if len(evidence.items) - count > RARE_SHARE * len(evidence.items):
        return
    for item in evidence.items:
        if item.mode != usual:
            text = f"{item.path.name} is {item.mode or 'unknown'}, the others {usual}"
            yield Finding(text, 1 / modes[item.mode], (item.path,))


@check(
    "exif-rotation",
    Gravity.NOTE,
    title="pictures that EXIF turns or mirrors",
    meaning="midrib turns them upright. Tools that ignore EXIF show them turned, and boxes drawn "
    "there do not fit.",
    todo="If boxes were drawn in such a tool, look at them here; otherwise nothing has to be done.",
    remedy=Remedy.NONE,
)
def exif_rotation(evidence: Evidence) -> Iterator[Finding]:
    """EXIF's orientation is not 1."""
    for item, measures in evidence.measured:
        if measures.orientation != 1:
            objects = len(item.annotations)
            text = f"orientation {measures.orientation}" + (f", {objects} objects" * bool(objects))
            yield Finding(text, objects, (item.path,))

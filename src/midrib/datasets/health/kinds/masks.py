"""Masks that do not fit their picture or their classes."""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.problems import ANOTHER_SIZE, BAD_MASK, UNKNOWN_CLASS, told_as


@check(
    "bad-mask",
    Gravity.WARNING,
    title="masks that cannot be read",
    meaning="They are left out, so what they outline counts as background.",
    todo="Export them again from where they were drawn, as PNG or as the format says.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def bad_mask(evidence: Evidence) -> Iterator[Finding]:
    """A mask is malformed, of a kind that cannot hold one, or of another size than its picture."""
    yield from told_as(evidence, BAD_MASK)


@check(
    "unknown-class",
    Gravity.WARNING,
    title="objects and mask values of a class that is not named",
    meaning="They are left out. In masks the cause is often that they were saved as JPEG, or "
    "resized with smoothing, which makes values in between.",
    todo="Name the class where the source names its classes, or export the annotations again.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def unknown_class(evidence: Evidence) -> Iterator[Finding]:
    """A category, or a pixel's value, is not in the list of classes."""
    yield from told_as(evidence, UNKNOWN_CLASS)


@check(
    "mask-size",
    Gravity.WARNING,
    title="masks or annotations for another size than the picture's",
    meaning="They lie beside what they describe; stretching them would be a guess.",
    todo="Export them again for these pictures, or move the pictures out.",
)
def mask_size(evidence: Evidence) -> Iterator[Finding]:
    """A mask has not the height and width of its picture."""
    for item in evidence.items:
        for each in item.annotations:
            mask = each.mask
            if mask is not None and (mask.width, mask.height) != (item.width, item.height):
                text = f"mask {mask.width} × {mask.height}, picture {item.width} × {item.height}"
                yield Finding(text, 0, (item.path,))
                break
    yield from told_as(evidence, ANOTHER_SIZE)

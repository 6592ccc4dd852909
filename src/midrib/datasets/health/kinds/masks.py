"""Masks that do not fit their picture or their classes."""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.problems import ANOTHER_SIZE, MASK_VALUE, told_as


@check(
    "mask-value",
    Gravity.WARNING,
    title="masks with values that no class has",
    meaning="Those pixels belong to no class; often the mask was saved as JPEG, or resized with "
    "smoothing.",
    todo="Save the mask again from where it was drawn, without smoothing or loss.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def mask_value(evidence: Evidence) -> Iterator[Finding]:
    """A pixel's value is not in the list of classes."""
    yield from told_as(evidence, MASK_VALUE)


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

"""Pictures that show too little: of one colour, too dark, too bright, blurred.

But for one colour, a picture must also stand apart from the dataset: night scenes are dark, and
X-rays blurred, by nature.
"""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding, Gravity, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.measures import BLANK_CONTRAST

DARK_HIGH = 0.25
BRIGHT_LOW = 0.9
APART = 0.2
"""How far low or high must lie from the dataset's median."""

BLURRED_SHARPNESS = 0.45
BLURRED_SHARE = 0.65
"""Of the dataset's median sharpness."""


@check(
    "blank",
    Gravity.WARNING,
    title="pictures of one colour",
    meaning="Nothing can be seen in them, so a model learns their label from nothing.",
    todo="Look whether the camera or an export failed, and move them out.",
)
def blank(evidence: Evidence) -> Iterator[Finding]:
    """Contrast below one hundredth of the range."""
    for item, measures in evidence.measured:
        if measures.is_blank:
            text = f"contrast {measures.contrast:.3f} of 0.5"
            yield Finding(text, BLANK_CONTRAST - measures.contrast, (item.path,))


@check(
    "dark",
    Gravity.WARNING,
    title="pictures much darker than the others",
    meaning="Even their bright parts are dark: what is to be seen may be lost in noise.",
    todo="Keep them if the model will meet such light; otherwise move them out.",
)
def dark(evidence: Evidence) -> Iterator[Finding]:
    """99 of 100 pixels are dark, unlike in most pictures."""
    if not evidence.measured:
        return
    bound = min(DARK_HIGH, evidence.typical(lambda measures: measures.high) - APART)
    for item, measures in evidence.measured:
        if measures.high < bound and not measures.is_blank:
            text = f"99 % of its pixels are below {measures.high:.0%} of white"
            yield Finding(text, 1 - measures.high, (item.path,))


@check(
    "bright",
    Gravity.WARNING,
    title="pictures much brighter than the others",
    meaning="Even their dark parts are bright: what is to be seen may be burnt out.",
    todo="Keep them if the model will meet such light; otherwise move them out.",
)
def bright(evidence: Evidence) -> Iterator[Finding]:
    """95 of 100 pixels are bright, unlike in most pictures."""
    if not evidence.measured:
        return
    bound = max(BRIGHT_LOW, evidence.typical(lambda measures: measures.low) + APART)
    for item, measures in evidence.measured:
        if measures.low > bound and not measures.is_blank:
            text = f"95 % of its pixels are above {measures.low:.0%} of white"
            yield Finding(text, measures.low, (item.path,))


@check(
    "blurred",
    Gravity.WARNING,
    title="pictures much more blurred than the others",
    meaning="Fine detail is gone; where the label depends on it, it cannot be learnt from them.",
    todo="Keep them if the model will meet such pictures; otherwise move them out.",
)
def blurred(evidence: Evidence) -> Iterator[Finding]:
    """Blurring once more changes little, unlike in most pictures."""
    if not evidence.measured:
        return
    usual = evidence.typical(lambda measures: measures.sharpness)
    bound = min(BLURRED_SHARPNESS, BLURRED_SHARE * usual)
    for item, measures in evidence.measured:
        if measures.sharpness < bound and not measures.is_blank:
            text = f"sharpness {measures.sharpness:.2f}, the median is {usual:.2f}"
            yield Finding(text, usual - measures.sharpness, (item.path,))

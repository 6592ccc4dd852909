"""Files that cannot be used, or are not what their name says."""

from __future__ import annotations

from collections.abc import Iterator

from midrib.datasets.health.checks import Finding, Gravity, Remedy, check
from midrib.datasets.health.evidence import Evidence
from midrib.datasets.health.problems import LEFT_OUT, TRUNCATED, UNREADABLE, told_as

SUFFIXES_OF = {
    "JPEG": (".jpg", ".jpeg"),
    "MPO": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}
"""Endings of each format's file names; the first is given to files that are renamed."""


def proper_suffix(picture_format: str) -> str:
    """The ending that names a format, as '.png', for one that Pillow calls so."""
    return SUFFIXES_OF[picture_format][0]


@check(
    "unreadable",
    Gravity.WARNING,
    title="files that cannot be read",
    meaning="They are left out of everything, so their class has fewer pictures than it seems.",
    todo="Fetch them again from where they came, or move them out.",
    shows_text=True,
)
def unreadable(evidence: Evidence) -> Iterator[Finding]:
    """No decoder makes a picture of them."""
    yield from told_as(evidence, UNREADABLE)


@check(
    "truncated",
    Gravity.WARNING,
    title="files that are cut off",
    meaning="A copy or a download broke off. Some tools show them with a grey rest; midrib leaves "
    "them out.",
    todo="Copy them again from where they came, or move them out.",
    shows_text=True,
)
def truncated(evidence: Evidence) -> Iterator[Finding]:
    """The file ends before its format's end."""
    yield from told_as(evidence, TRUNCATED)


@check(
    "left-out",
    Gravity.WARNING,
    title="files and annotations left out",
    meaning="What the source tells of them cannot be meant, so it is left out and not guessed.",
    todo="Mend the place that is named, or leave it.",
    remedy=Remedy.NONE,
    shows_text=True,
)
def left_out(evidence: Evidence) -> Iterator[Finding]:
    """Whatever reading left out and no other check tells."""
    yield from told_as(evidence, LEFT_OUT)


@check(
    "wrong-extension",
    Gravity.NOTE,
    title="files whose ending names another format",
    meaning="midrib looks at the content; tools that trust the name will fail or read nothing.",
    todo="Rename them; their content stays as it is.",
    remedy=Remedy.FIX,
)
def wrong_extension(evidence: Evidence) -> Iterator[Finding]:
    """The ending is none of the format's own."""
    for item in evidence.items:
        right = SUFFIXES_OF.get(item.format)
        if right and item.path.suffix.lower() not in right:
            yield Finding(f"is {item.format}, not '{item.path.suffix}'", 0, (item.path,))

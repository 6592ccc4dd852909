"""Names of classes as people and files write them."""

from __future__ import annotations

import unicodedata

UNWRITABLE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
"""Unicode categories that no name may have: control characters, halves of pairs, characters that
do not exist, and separators of lines."""


def clean_label(text: object) -> str:
    """A class's name without white space around it, in Unicode's composed form (NFC).

    A whole number is a name too. Empty where ``text`` is none.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        return ""
    label = unicodedata.normalize("NFC", text).strip()
    return "" if any(unicodedata.category(c) in UNWRITABLE for c in label) else label


def folded(name: str) -> str:
    """What names share that some file system, or a hasty reader, holds to be the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

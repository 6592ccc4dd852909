"""Text from anywhere, made fit to be shown: what controls a terminal is written out.

A file may be called anything. Shown as it is, a name could move the cursor, colour or hide other
lines, begin a line of its own, or turn the direction in which the rest is read.
"""

from __future__ import annotations

import json
import re

# Control characters, separators of lines, what turns the direction of writing, and halves of
# pairs, which stand for bytes of a name that are no text and which no stream takes.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""``text`` in one line, control characters as Python writes them: ``\x1b``, ``\n``."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def printable_json(value: object, *, indent: int | None = None) -> str:
    """``value`` as JSON that any stream takes; equal to ``value`` once it is parsed."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    # JSON has written those below 32 out itself; a line feed here is between values.
    return _CONTROLS.sub(lambda found: _json_escape(found[0]), text)


def _json_escape(character: str) -> str:
    return character if character == "\n" else f"\\u{ord(character):04x}"

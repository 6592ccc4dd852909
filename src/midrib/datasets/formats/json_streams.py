"""JSON files read record by record: a file of gigabytes never lies whole in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from midrib.datasets.formats.objects import Fault

_CHUNK_BYTES = 1 << 20
_KEYS_LOOKED_AT = 4096
# Python and others write these, JSON has no such words; as texts they are told with their record.
_STRING_OR_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', re.DOTALL)
_LONGEST_WORD = len(b"-Infinity")


def records(path: Path, key: str) -> Iterator[Any]:
    """The members of the list ``key`` of the object in ``path``, one after the other.

    Raises ``Fault`` where the file is not JSON; what came before has then been given.
    """
    import ijson

    with path.open("rb") as stream:
        source = _WordsQuoted(stream) if _has_words(path) else stream
        try:
            yield from ijson.items(source, f"{key}.item", buf_size=1 << 18)
        except (ijson.JSONError, UnicodeDecodeError) as problem:
            raise Fault("broken file", f"not valid JSON ({_told(problem)})") from None


def first_keys(path: Path) -> set[str]:
    """Names of the outermost object's members in the first part of a file; none if it has none."""
    import ijson

    found = set()
    try:
        with path.open("rb") as stream:
            for count, (prefix, event, value) in enumerate(ijson.parse(stream)):
                if count > _KEYS_LOOKED_AT or (count == 0 and event != "start_map"):
                    break
                if prefix == "" and event == "map_key":
                    found.add(value)
    except (ijson.JSONError, UnicodeDecodeError, OSError):
        return found  # reading it tells what is wrong
    return found


def _has_words(path: Path) -> bool:
    tail = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if b"NaN" in tail + chunk or b"Infinity" in tail + chunk:
                return True
            tail = chunk[-_LONGEST_WORD:]
    return False


class _WordsQuoted:
    """A stream of JSON in which NaN, Infinity and -Infinity are strings."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pending = b""

    def read(self, size: int = -1) -> bytes:
        """The next part, of whatever length; nothing for a ``size`` of 0, which is a look."""
        if size == 0:
            return b""
        while chunk := self._stream.read(_CHUNK_BYTES):
            if given := self._quoted(self._pending + chunk):
                return given
        given, self._pending = _STRING_OR_WORD.sub(_quote, self._pending), b""
        return given

    def _quoted(self, text: bytes) -> bytes:
        """What is sure to end no string or word in its middle; the rest waits."""
        end = 0
        for match in _STRING_OR_WORD.finditer(text):
            end = match.end()
        if b'"' not in text[end:]:
            end = max(end, len(text) - _LONGEST_WORD)
        self._pending = text[end:]
        return _STRING_OR_WORD.sub(_quote, text[:end])


def _quote(match: re.Match[bytes]) -> bytes:
    token = match[0]
    return token if token.startswith(b'"') else b'"' + token + b'"'


def _told(problem: Exception) -> str:
    """The first line of what the parser says; the others draw an arrow."""
    said = problem.args[0] if problem.args else problem
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return text.strip().splitlines()[0] if text.strip() else type(problem).__name__

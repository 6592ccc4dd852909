"""JSON files read record by record: a file of gigabytes never lies whole in memory."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from midrib.datasets.formats.objects import Fault, unreadable

_CHUNK_BYTES = 1 << 20
_KEYS_LOOKED_AT = 4096
_BYTES_AT_ONCE = 4096  # deeply nested ones cost the parser the square of it
# Python and others write these, JSON has no such words; as texts they are told with their record.
_STRING_OR_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', re.DOTALL)
_LONGEST_WORD = len(b"-Infinity")
_MOST_NESTED = 64
# Left to itself the parser's C makes numbers of any length Python's, and crashes where it cannot.
_PARSING: dict[str, Any] = {"buf_size": 1 << 18, "use_float": True}
_MARK = codecs.BOM_UTF8  # what some editors on Windows write before everything
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # up and down, as signed bytes
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


class JsonFile:
    """A file with an object of lists. Raises ``Fault`` for one that nobody can mean."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._has_words = _looked_over(path)
        except OSError as problem:
            raise unreadable(problem) from None

    def records(self, key: str) -> Iterator[Any]:
        """The members of the list ``key``, one after the other.

        Raises ``Fault`` where the file is not JSON; what came before has then been given.
        """
        import ijson

        try:
            with _opened(self._path) as stream:
                source = _WordsQuoted(stream) if self._has_words else stream
                none = True
                for record in ijson.items(source, f"{key}.item", **_PARSING):
                    none = False
                    yield record
            if none:
                self._require_list(key)
        except (ijson.JSONError, UnicodeDecodeError) as problem:
            raise Fault("broken file", f"not valid JSON ({_told(problem)})") from None
        except OSError as problem:
            raise unreadable(problem) from None

    def _require_list(self, key: str) -> None:
        """Raise ``Fault`` where ``key`` is there and is no list."""
        import ijson

        with _opened(self._path) as stream:
            source = _WordsQuoted(stream) if self._has_words else stream
            found = (event for prefix, event, _ in ijson.parse(source, **_PARSING) if prefix == key)
            if next(found, "start_array") != "start_array":
                raise Fault("broken file", f"its '{key}' is no list")


def first_keys(path: Path) -> set[str]:
    """Names of the outermost object's members in the first part of a file; none if it has none."""
    import ijson

    found = set()
    try:
        with _opened(path) as stream:
            parsed = ijson.parse(stream, buf_size=_BYTES_AT_ONCE, use_float=True)
            for count, (prefix, event, value) in enumerate(parsed):
                if count > _KEYS_LOOKED_AT or (count == 0 and event != "start_map"):
                    break
                if prefix == "" and event == "map_key":
                    found.add(value)
    except (ijson.JSONError, UnicodeDecodeError, OSError):
        return found  # reading it tells what is wrong
    return found


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, open where its JSON begins."""
    with path.open("rb") as stream:
        if stream.read(len(_MARK)) != _MARK:
            stream.seek(0)
        yield stream


def _looked_over(path: Path) -> bool:
    """Whether there are words that JSON has not. Raises ``Fault`` where it is nested too deeply."""
    nesting, has_words, tail = _Nesting(), False, b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            has_words |= b"NaN" in tail + chunk or b"Infinity" in tail + chunk
            tail = chunk[-_LONGEST_WORD:]
            nesting.add(chunk)
    return has_words


class _Nesting:
    """How deep brackets outside of strings are nested; the parser's time grows with its square."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._pending = b""

    def add(self, chunk: bytes) -> None:
        """Go on with the next bytes. Raises ``Fault``."""
        text = self._pending + chunk
        cut = (len(text) - len(text.rstrip(b"\\"))) % 2  # an escape whose letter comes next
        text, self._pending = text[: len(text) - cut], text[len(text) - cut :]
        parts = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[int(self._in_string) :: 2])
        self._in_string ^= len(parts) % 2 == 0
        steps = np.frombuffer(outside.translate(_STEPS, _NO_BRACKETS), np.int8)
        depths = self._depth + np.cumsum(steps, dtype=np.int64)
        if depths.max(initial=0) > _MOST_NESTED:
            raise Fault("broken file", f"it is nested more than {_MOST_NESTED} deep")
        self._depth = int(depths[-1]) if len(depths) else self._depth


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

"""JSON files read record by record: a file of gigabytes never lies whole in memory."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from midrib.datasets.formats.objects import Fault, unreadable

_CHUNK_BYTES = 1 << 20
_KEYS_LOOKED_AT = 4096
_BYTES_AT_ONCE = 4096  # deeply nested ones cost the parser the square of it
# Python and others write these words, JSON has none such; as texts they are told with their record.
# So are numbers that the parser cannot hold, at which it would give the file up.
_TOKEN = re.compile(
    rb'(?P<string>"[^"\\]*(?:\\.[^"\\]*)*(?P<end>")?)'
    rb"|(?P<word>-?Infinity|NaN)|(?P<number>-?[0-9][0-9.eE+-]*)",
    re.DOTALL,
)
_OF_WORDS_AND_NUMBERS = b"0123456789.eE+-aNInfity"
_LONGEST_WORD = len(b"-Infinity")
_LONGEST_TOKEN = 1 << 26
_MOST_WHOLE = 1 << 63
_SURE_DIGITS = 18  # of a whole number that is below it, whatever they are
_OVERFLOW = "overflow"  # in what the parser says of a number
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
            self._is_odd = _looked_over(path)
        except OSError as problem:
            raise unreadable(problem) from None

    def records(self, key: str) -> Iterator[Any]:
        """The members of the list ``key``, one after the other.

        Raises ``Fault`` where the file is not JSON; what came before has then been given.
        """
        given = 0
        try:
            for record in self._items(key):
                given += 1
                yield record
        except Fault as fault:
            if self._is_odd or _OVERFLOW not in fault.came:
                raise
            self._is_odd = True  # from here on for all of its lists
            for record in islice(self._items(key), given, None):
                given += 1
                yield record
        if not given:
            self._require_list(key)

    def _items(self, key: str) -> Iterator[Any]:
        import ijson

        with _parsing(), _opened(self._path, is_odd=self._is_odd) as stream:
            yield from ijson.items(stream, f"{key}.item", **_PARSING)

    def _require_list(self, key: str) -> None:
        """Raise ``Fault`` where ``key`` is there and is no list."""
        import ijson

        with _parsing(), _opened(self._path, is_odd=self._is_odd) as stream:
            found = (event for prefix, event, _ in ijson.parse(stream, **_PARSING) if prefix == key)
            if next(found, "start_array") != "start_array":
                raise Fault("broken file", f"its '{key}' is no list")


def first_keys(path: Path) -> set[str]:
    """Names of the outermost object's members in the first part of a file; none if it has none."""
    found = set()
    with suppress(Fault):  # reading it tells what is wrong
        for name in _keys(path):
            found.add(name)
    return found


def require_json(path: Path) -> None:
    """Raise ``Fault`` where the first part of a file is no JSON."""
    for _ in _keys(path):
        pass


def _keys(path: Path) -> Iterator[str]:
    import ijson

    with _parsing(), _opened(path, is_odd=True) as stream:
        parsed = ijson.parse(stream, buf_size=_BYTES_AT_ONCE, use_float=True)
        for count, (prefix, event, value) in enumerate(parsed):
            if count > _KEYS_LOOKED_AT or (count == 0 and event != "start_map"):
                break
            if prefix == "" and event == "map_key":
                yield value


@contextmanager
def _parsing() -> Iterator[None]:
    """Turn what the parser and the system say into a ``Fault``."""
    import ijson

    try:
        yield
    except (ijson.JSONError, UnicodeDecodeError) as problem:
        raise Fault("broken file", f"not valid JSON ({_told(problem)})") from None
    except OSError as problem:
        raise unreadable(problem) from None


@contextmanager
def _opened(path: Path, *, is_odd: bool) -> Iterator[BinaryIO]:
    """The file, open where its JSON begins; of an odd one what no parser takes is quoted."""
    with path.open("rb") as stream:
        if stream.read(len(_MARK)) != _MARK:
            stream.seek(0)
        yield cast("BinaryIO", _Quoted(stream)) if is_odd else stream


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


class _Quoted:
    """A stream of JSON in which words that are none and numbers beyond all measure are strings."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pending = b""

    def read(self, size: int = -1) -> bytes:
        """The next part, of whatever length; nothing for a ``size`` of 0, which is a look.

        Raises ``Fault`` for a string or number without end.
        """
        if size == 0:
            return b""
        while chunk := self._stream.read(size):
            if given := self._whole_tokens(self._pending + chunk):
                return given
            if len(self._pending) > _LONGEST_TOKEN:
                raise Fault(
                    "broken file", f"a text or number of more than {_LONGEST_TOKEN:,} bytes"
                )
        given, self._pending = self._pending, b""
        return _TOKEN.sub(_quoted, given)

    def _whole_tokens(self, text: bytes) -> bytes:
        """What is sure to end no string, word or number in its middle; the rest waits."""
        given, end, stop = [], 0, len(text.rstrip(_OF_WORDS_AND_NUMBERS))
        for match in _TOKEN.finditer(text):
            if _may_go_on(match):
                stop = match.start()
                break
            given += [text[end : match.start()], _quoted(match)]
            end = match.end()
        stop = max(end, stop)
        given.append(text[end:stop])
        self._pending = text[stop:]
        return b"".join(given)


def _may_go_on(match: re.Match[bytes]) -> bool:
    """Whether what comes next may belong to the token."""
    return not match["end"] if match["string"] else match.end() == len(match.string)


def _quoted(match: re.Match[bytes]) -> bytes:
    is_odd = match["word"] or (match["number"] and not _is_held(match["number"]))
    return b'"' + match[0] + b'"' if is_odd else match[0]


def _is_held(token: bytes) -> bool:
    """Whether the parser can hold a number; what is none it may refuse itself."""
    digits = token.removeprefix(b"-")
    if digits.isdigit():
        return len(digits) <= _SURE_DIGITS or -_MOST_WHOLE <= float(token) < _MOST_WHOLE
    try:
        return isfinite(float(token))
    except ValueError:
        return True


def _told(problem: Exception) -> str:
    """The first line of what the parser says; the others draw an arrow."""
    said = problem.args[0] if problem.args else problem
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return text.strip().splitlines()[0] if text.strip() else type(problem).__name__

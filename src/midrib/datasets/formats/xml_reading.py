"""XML elements with the lines where they begin, read one by one; entities and bombs are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from midrib.datasets.formats.objects import Fault, unreadable

LINE = "{midrib}line"
"""The attribute of each element that tells its line."""

_CHUNK_BYTES = 1 << 18
_AFTER_DECLARATIONS = re.compile(rb"\]\s*>\s*<([A-Za-z_][A-Za-z0-9_.-]*)")


def elements(path: Path, *wanted: str) -> Iterator[Element]:
    """The outermost elements called one of ``wanted``; nothing else is kept in memory.

    Raises ``Fault`` where the file is no XML, or declares entities, which could expand without
    end; what came before has then been given.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    target = _Elements(frozenset(wanted))
    untyped: Any = DefusedXMLParser
    parser = untyped(target=target, forbid_entities=True, forbid_external=True)
    target.line_of = lambda: int(parser.parser.CurrentLineNumber)
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                parser.feed(chunk)
                yield from target.taken()
        parser.close()
        yield from target.taken()
    except DefusedXmlException as problem:
        what = type(problem).__name__
        raise Fault("broken file", f"it declares what may expand without end ({what})") from None
    except (ParseError, ValueError, LookupError) as problem:
        raise Fault("broken file", f"not valid XML ({problem})") from None
    except OSError as problem:
        raise unreadable(problem) from None


def root_name(path: Path) -> str:
    """The name of the outermost element, empty where the file is no XML.

    One that declares entities has a name too, so that it is told and not overlooked.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    try:
        with path.open("rb") as stream:
            _, root = next(iter(iterparse(stream, events=("start",))))
            return str(root.tag)
    except DefusedXmlException:
        return _name_after_declarations(path)
    except (StopIteration, ParseError, ValueError, LookupError, OSError):
        return ""


def _name_after_declarations(path: Path) -> str:
    with path.open("rb") as stream:
        found = _AFTER_DECLARATIONS.search(stream.read(_CHUNK_BYTES))
    return found[1].decode("ascii") if found else ""


def line_of(element: Element) -> str:
    """Where an element begins, as problems tell it."""
    return f"line {element.get(LINE)}"


class _Elements:
    """What an XML parser tells what it meets; builds the wanted elements only."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.line_of: Callable[[], int] = lambda: 0
        self._wanted = wanted
        self._done: list[Element] = []
        self._builder: TreeBuilder | None = None
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._builder is None and tag in self._wanted:
            self._builder = TreeBuilder()
        if self._builder is not None:
            self._depth += 1
            self._builder.start(tag, {**attributes, LINE: str(self.line_of())})

    def data(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def end(self, tag: str) -> None:
        if self._builder is None:
            return
        self._depth -= 1
        self._builder.end(tag)
        if self._depth == 0:
            self._done.append(self._builder.close())
            self._builder = None

    def close(self) -> None:
        """The parser is done."""

    def taken(self) -> list[Element]:
        """The elements that ended since the last call."""
        done, self._done = self._done, []
        return done

"""Pictures in memory, their annotations on disk until they are asked for."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, overload

from midrib.datasets.annotations import Annotation, Rle
from midrib.datasets.formats.interface import Entry


class SpilledEntries(Sequence[Entry]):
    """Entries in the order in which they were added; safe to read from several threads.

    Annotations may come in any order and lie in a temporary file without a name, which is gone
    with this object or the process.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._places: dict[int, array[int]] = defaultdict(lambda: array("Q"))
        self._file: IO[bytes] | None = None
        self._end = 0

    def add(self, entry: Entry) -> int:
        """Add a picture with what it has; gives its number."""
        number = len(self._entries)
        self._entries.append(replace(entry, annotations=()))
        for each in entry.annotations:
            self.annotate(number, each)
        return number

    def annotate(self, number: int, annotation: Annotation) -> None:
        """Add an object to the picture of that number."""
        line = json.dumps(annotation.key(), separators=(",", ":")).encode()
        self._opened().write(line)
        self._places[number].extend((self._end, len(line)))
        self._end += len(line)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="midrib-annotations-")  # noqa: SIM115 - open as long as this
            weakref.finalize(self, self._file.close)
        return self._file

    def size_of(self, number: int) -> tuple[int, int]:
        """Width and height of the picture of that number, as its source tells them."""
        return self._entries[number].width, self._entries[number].height

    def forget_from(self, number: int) -> None:
        """Take back every picture from that number on."""
        for each in range(number, len(self._entries)):
            self._places.pop(each, None)
        del self._entries[number:]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        return replace(self._entries[number], annotations=tuple(self._annotations(number)))

    def _annotations(self, number: int) -> Iterator[Annotation]:
        places = self._places.get(number)
        if places is None or self._file is None:
            return
        self._file.flush()
        for offset, length in zip(places[::2], places[1::2], strict=True):
            yield _parsed(os.pread(self._file.fileno(), length, offset))


def _parsed(line: bytes) -> Annotation:
    label, xyxy, polygons, mask, crowd, attributes = json.loads(line)
    left, top, right, bottom = xyxy
    return Annotation(
        label=label,
        xyxy=(left, top, right, bottom),
        polygons=tuple(tuple(polygon) for polygon in polygons),
        mask=Rle(*mask) if mask else None,
        crowd=crowd,
        attributes=tuple((name, text) for name, text in attributes),
    )

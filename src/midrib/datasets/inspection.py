"""Open every picture once: hash it, prove that it decodes, note what it looks like."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from PIL import Image

from midrib.datasets.copies.fingerprints import SIDE as FINGERPRINT_SIDE
from midrib.datasets.copies.fingerprints import fingerprint
from midrib.datasets.formats import Entry
from midrib.datasets.measures import Exif, measure, read_exif
from midrib.datasets.records import Item, Problem
from midrib.datasets.truncation import is_cut_off
from midrib.errors import NotAPictureError, PictureError, PictureTooLargeError
from midrib.preprocessing import decode
from midrib.preprocessing.decoding import FORMATS
from midrib.preprocessing.orientation import QUARTER_TURNED
from midrib.records import Pixels

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

INSPECTION = 3
"""Raised whenever something else is found of a file: what was found before is then found anew."""

MAX_FILE_BYTES = 1 << 30
# Large JPEGs are decoded at 1/8: the whole file is still read through, in a fraction of the time.
# Twice the side that fingerprints are taken at: a JPEG decoded at exactly that has aliased.
_LOOK_SIZE = (2 * FINGERPRINT_SIDE, 2 * FINGERPRINT_SIDE)
_KINDS: dict[type[PictureError], str] = {
    NotAPictureError: "not a picture",
    PictureTooLargeError: "too large",
}


def inspect_pictures(
    entries: Sequence[Entry], progress: Progress | None = None
) -> tuple[list[Item], list[Problem]]:
    """Open all ``entries`` in threads (the decoders work outside Python's lock).

    Returns the good ones and what is wrong with the others, both in the order of ``entries``.
    """
    items: list[Item] = []
    problems: list[Problem] = []
    threads = 2 * (os.cpu_count() or 1)  # half of them may wait for the disk
    with (
        ThreadPoolExecutor(threads, thread_name_prefix="midrib-inspect") as pool,
        closing(_in_turn(pool, entries, 4 * threads)) as turns,
    ):
        for done, found in enumerate(turns, start=1):
            if isinstance(found, Item):
                items.append(found)
            else:
                problems.append(found)
            if progress:
                progress(done, len(entries))
    return items, problems


def _in_turn(
    pool: ThreadPoolExecutor, entries: Iterable[Entry], ahead: int
) -> Generator[Item | Problem, None, None]:
    """What is found of ``entries``, in their order; no more than ``ahead`` of them are waiting."""
    waiting: deque[Future[Item | Problem]] = deque()
    try:
        for entry in entries:
            waiting.append(pool.submit(_inspect, entry))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _inspect(entry: Entry) -> Item | Problem:
    try:
        data = _read(entry.path)
    except PictureError as problem:
        return Problem(entry.path, _KINDS[type(problem)], problem.came)
    except OSError as problem:
        return Problem(entry.path, "unreadable", problem.strerror or str(problem))
    try:
        return _item(entry, data, decode(data, at_least=_LOOK_SIZE, every_scan=True))
    except PictureError as problem:
        kind = "truncated" if is_cut_off(data) else _KINDS.get(type(problem), "corrupt")
        return Problem(entry.path, kind, problem.came)


def _read(path: Path) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe or device could block for ever
        raise NotAPictureError("it is not a regular file")
    if status.st_size > MAX_FILE_BYTES:
        raise PictureTooLargeError(f"the file has {status.st_size:,} bytes")
    return path.read_bytes()


def _item(entry: Entry, data: bytes, upright: Pixels) -> Item | Problem:
    """What is told of a picture that is known to be whole."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        exif = read_exif(image)
        width, height = image.size
        if _is_quarter_turned(image, exif, upright):
            width, height = height, width
        if entry.width and (entry.width, entry.height) != (width, height):
            return _other_size(entry, width, height)
        return Item(
            path=entry.path,
            labels=entry.labels,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            split=entry.split,
            width=width,
            height=height,
            mode=image.mode,
            format=image.format or "",
            annotations=entry.annotations,
            group=entry.group,
            measures=measure(upright, exif, tuple(fingerprint(upright).tolist())),
        )


def _is_quarter_turned(image: Image.Image, exif: Exif, upright: Pixels) -> bool:
    """Whether the decoder has exchanged the sides that the header tells."""
    # Pillow turns a TIFF itself, and a PNG may tell its EXIF behind the pixels: look at both.
    height, width = upright.shape[:2]
    exchanged = (image.width - image.height) * (width - height) < 0
    return exchanged or (image.format != "TIFF" and exif.orientation in QUARTER_TURNED)


def _other_size(entry: Entry, width: int, height: int) -> Problem:
    told = f"{entry.width} × {entry.height}"
    return Problem(
        entry.path,
        "another size",
        f"its annotations are for {told} pixels, but upright it has {width} × {height}",
    )

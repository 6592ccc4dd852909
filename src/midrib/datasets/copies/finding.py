"""All copies among a dataset's pictures: hash ▸ candidates ▸ compare."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midrib.datasets.copies.candidates import Candidate, find_candidates
from midrib.datasets.copies.fingerprints import SIDE as HASHED_SIDE
from midrib.datasets.copies.fingerprints import Grey, Hashes, fingerprint
from midrib.datasets.copies.verification import SIDE, Comparison, comparable, compare
from midrib.datasets.records import Item
from midrib.errors import DatasetError, PictureError
from midrib.preprocessing import decode
from midrib.records import Pixels

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

_WITHIN = 7
"""Bits that the hashes of pictures which are compared may differ in. Most copies differ in fewer,
most look-alikes in more, and comparing pixels is what the search takes its time for."""

_KEPT_IN_MEMORY = 4096  # pictures of 64 KB each


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two pictures of different bytes that look alike, by their SHA-256; ``first`` is the lesser.

    ``similarity`` is what comparing their pixels found, 0 to 1; ``copies`` whether they are
    taken for one picture.
    """

    first: str
    second: str
    similarity: float
    copies: bool


@dataclass(frozen=True)
class Likenesses:
    """What `find_likenesses` found, the most alike first.

    ``copies`` are verified near-copies, ``look_alikes`` pictures whose hashes are close without
    being copies. Files of the same bytes are neither: their SHA-256 tells.
    """

    copies: tuple[Likeness, ...] = ()
    look_alikes: tuple[Likeness, ...] = ()


def find_likenesses(
    items: Sequence[Item],
    *,
    hashes: Mapping[str, Hashes] | None = None,
    progress: Progress | None = None,
) -> Likenesses:
    """Find near-copies and look-alikes among pictures; the cost grows with their number.

    Args:
        items: pictures that are known to be whole; files of the same bytes count once.
        hashes: what `fingerprint` gave for pictures, by SHA-256, where that is known already.
        progress: called with pictures hashed and pairs compared, of all of both.

    Raises:
        DatasetError: a picture cannot be read any more.
    """
    places, known = {item.sha256: item.path for item in items}, hashes or {}

    def hashed_once(name: str) -> Hashes:
        return known[name] if name in known else _hashed(places[name])

    names = sorted(places)
    tell = progress or _silent
    hashed: list[Hashes] = []
    with _threads() as pool:
        for found in pool.map(hashed_once, names):
            hashed.append(found)
            tell(len(hashed), len(names))
    if len(names) < 2:
        return Likenesses()
    candidates = find_candidates(np.stack(hashed), within=_WITHIN)
    thumbnails = _Thumbnails([places[name] for name in names])
    likenesses: list[Likeness] = []
    for candidate in candidates:  # one after the other: threads would wait for Python's lock
        likenesses.append(_likeness(names, candidate, thumbnails.compare(candidate)))
        tell(len(names) + len(likenesses), len(names) + len(candidates))
    likenesses.sort(key=lambda like: (-like.similarity, like.first, like.second))
    return Likenesses(
        copies=tuple(like for like in likenesses if like.copies),
        look_alikes=tuple(like for like in likenesses if not like.copies),
    )


def _likeness(names: Sequence[str], candidate: Candidate, found: Comparison) -> Likeness:
    first, second = sorted((names[candidate.crop], names[candidate.of]))
    return Likeness(first, second, round(found.similarity, 4), found.copies)


def _threads() -> ThreadPoolExecutor:
    """Decoders work outside Python's lock."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="midrib-copies")


class _Thumbnails:
    """Pictures as they are compared, the latest kept in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._kept: OrderedDict[int, Grey] = OrderedDict()

    def compare(self, candidate: Candidate) -> Comparison:
        return compare(
            self._get(candidate.crop),
            self._get(candidate.of),
            turn=candidate.turn,
            window=candidate.window,
        )

    def _get(self, place: int) -> Grey:
        known = self._kept.pop(place, None)
        if known is None:
            known = comparable(_pixels(self._paths[place], SIDE))
        self._kept[place] = known
        if len(self._kept) > _KEPT_IN_MEMORY:
            self._kept.popitem(last=False)
        return known


def _hashed(path: Path) -> Hashes:
    return fingerprint(_pixels(path, HASHED_SIDE))


def _pixels(path: Path, side: int) -> Pixels:
    # Twice the side: a JPEG decoded at exactly the size asked for has aliased already.
    try:
        return decode(path.read_bytes(), at_least=(2 * side, 2 * side))
    except (OSError, PictureError) as problem:
        raise DatasetError(
            f"{path} cannot be read any more: {problem}",
            expected="the pictures as they were when they were listed",
            todo="leave the folder alone while it is read, and try again",
        ) from None


def _silent(_done: int, _total: int) -> None:
    """Tells nobody."""

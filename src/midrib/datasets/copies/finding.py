"""All copies among a dataset's pictures: hash ▸ candidates ▸ compare."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midrib.datasets.copies.candidates import Candidate, find_candidates
from midrib.datasets.copies.fingerprints import SIDE as HASHED_SIDE
from midrib.datasets.copies.fingerprints import Hashes, fingerprint
from midrib.datasets.copies.pairs import compare_pairs
from midrib.datasets.copies.thumbnails import read_pixels
from midrib.datasets.copies.verification import Comparison
from midrib.datasets.records import Item

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

_WITHIN = 7
"""Bits that the hashes of pictures which are compared may differ in. Most copies differ in fewer,
most look-alikes in more, and comparing pixels is what the search takes its time for."""


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
        DatasetError: a picture has changed since it was read.
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
    compared = compare_pairs(
        [places[name] for name in names],
        candidates,
        lambda done: tell(len(names) + done, len(names) + len(candidates)),
    )
    likenesses = [
        _likeness(names, candidate, found)
        for candidate, found in zip(candidates, compared, strict=True)
    ]
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


def _hashed(path: Path) -> Hashes:
    return fingerprint(read_pixels(path, 2 * HASHED_SIDE))  # a JPEG at just that aliases


def _silent(_done: int, _total: int) -> None:
    """Tells nobody."""

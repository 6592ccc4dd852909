"""Pairs of pictures whose hashes are close, among many, without comparing all with all.

Multi-index hashing (Norouzi, Punjani, Fleet, 'Fast Search in Hamming Space with Multi-Index
Hashing', 2012): 63 bits are cut into three bands of 21. Where two hashes differ in at most eight
bits, one band differs in at most two: so it is enough to look up each band with every choice of
two bits flipped, 232 look-ups that each find few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from midrib.datasets.copies.fingerprints import (
    TURNS,
    UNTURNED,
    WHOLE,
    WINDOWS,
    Hashes,
    Turn,
    Window,
    turned,
)

WITHIN = 8
"""Bits of 63 that may differ; what the look-ups are sure to find."""

_TURNED_PART_WITHIN = 4  # of what is both turned and cropped, most that is further is chance
_BANDS = 3
_BAND_BITS = 21
_MOST_FOUND = 64
_FEW = 1000  # of so many, all with all is quicker than thousands of look-ups
_FLIPS = np.array(
    [0, *(1 << a for a in range(_BAND_BITS))]
    + [(1 << a) | (1 << b) for a, b in combinations(range(_BAND_BITS), 2)],
    dtype=np.uint64,
)
_Indices = npt.NDArray[np.int64]
_Near = tuple[_Indices, _Indices, _Indices]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two pictures that may be copies, by their places in what was searched.

    Picture ``crop``, mirrored and turned by ``turn``, looks like the part ``window`` of picture
    ``of``; ``distance`` is in bits of 63.
    """

    crop: int
    of: int
    turn: Turn
    window: Window
    distance: int


def find_candidates(
    hashes: Hashes, *, within: int = WITHIN, turns: Sequence[Turn] = TURNS
) -> list[Candidate]:
    """Every two pictures of which one looks like the other or a part of it, the closest way.

    The cost grows with the pictures, not with their square: of more than 64 in one bucket, only
    the nearest in order are compared, which leaves out no copy of a copy.

    Args:
        hashes: uint64, pictures × windows, as `fingerprint` gives them.
        within: bits that may differ, at most 8.
        turns: ways in which one may be mirrored and turned against the other.
    """
    if not 0 <= within <= WITHIN:
        raise ValueError(f"within must lie in 0 to {WITHIN}, not {within}")
    found: dict[tuple[int, int], Candidate] = {}
    few = len(hashes) <= _FEW
    for index in [_All(hashes)] if few else (_Band(hashes, band) for band in range(_BANDS)):
        for turn in turns:
            asked = turned(hashes[:, 0], turn)
            for crop, entry, distance in index.close_to(asked, within):
                near = distance <= (within if turn == UNTURNED else _of_turned(entry, within))
                _keep_closest(found, crop[near], entry[near], distance[near], turn)
    return [found[pair] for pair in sorted(found)]


def _of_turned(entries: _Indices, within: int) -> _Indices:
    """Bits that may differ from each entry: fewer from a part, one of 77 that are looked for."""
    is_part = entries % len(WINDOWS) != WINDOWS.index(WHOLE)
    return np.where(is_part, min(within, _TURNED_PART_WITHIN), within)


def _keep_closest(
    found: dict[tuple[int, int], Candidate],
    crops: _Indices,
    entries: _Indices,
    distances: _Indices,
    turn: Turn,
) -> None:
    pictures, windows = np.divmod(entries, len(WINDOWS))
    for crop, of, window, distance in zip(
        crops.tolist(), pictures.tolist(), windows.tolist(), distances.tolist(), strict=True
    ):
        pair = (min(crop, of), max(crop, of))
        known = found.get(pair)
        if crop != of and (known is None or distance < known.distance):
            found[pair] = Candidate(crop, of, turn, WINDOWS[window], distance)


class _All:
    """All hashes, compared one by one."""

    def __init__(self, hashes: Hashes) -> None:
        self._entries = hashes.reshape(-1)

    def close_to(self, asked: Hashes, within: int) -> Iterator[_Near]:
        """As `_Band.close_to`."""
        for place, one in enumerate(asked):
            distances = np.bitwise_count(one ^ self._entries)
            near = np.flatnonzero(distances <= within)
            yield np.full(len(near), place), near, distances[near].astype(np.int64)


class _Band:
    """All hashes in the order of one band of their bits."""

    def __init__(self, hashes: Hashes, band: int) -> None:
        self._turn_bits = np.uint64(band * _BAND_BITS)
        entries = self._band_first(hashes.reshape(-1))
        self._order = np.argsort(entries, kind="stable")
        self._sorted = entries[self._order]
        counts = np.bincount(self._key(self._sorted), minlength=1 << _BAND_BITS)
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def close_to(self, asked: Hashes, within: int) -> Iterator[_Near]:
        """Places in ``asked``, places in the band's hashes and bits that differ, in portions."""
        rotated = self._band_first(asked)
        for flips in _FLIPS:
            probes = rotated ^ (flips << np.uint64(63 - _BAND_BITS))
            askers, places = self._in_buckets(probes)
            distances = np.bitwise_count(rotated[askers] ^ self._sorted[places])
            near = distances <= within
            if near.any():
                yield askers[near], self._order[places[near]], distances[near].astype(np.int64)

    def _in_buckets(self, probes: Hashes) -> tuple[_Indices, _Indices]:
        keys = self._key(probes)
        starts, ends = self._starts[keys], self._starts[keys + 1]
        full = np.flatnonzero(ends - starts > _MOST_FOUND)
        if len(full):
            middle = np.searchsorted(self._sorted, probes[full])
            last = ends[full] - _MOST_FOUND
            starts[full] = np.clip(middle - _MOST_FOUND // 2, starts[full], last)
            ends[full] = starts[full] + _MOST_FOUND
        askers = np.flatnonzero(ends > starts)
        counts = (ends - starts)[askers]
        within_bucket = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(askers, counts), np.repeat(starts[askers], counts) + within_bucket

    def _band_first(self, hashes: Hashes) -> Hashes:
        """63 bits rotated so that the band's are the highest."""
        low = hashes & np.uint64((1 << 63) - 1)
        if not self._turn_bits:
            return low
        rest = np.uint64(63) - self._turn_bits
        return ((low << self._turn_bits) | (low >> rest)) & np.uint64((1 << 63) - 1)

    def _key(self, rotated: Hashes) -> _Indices:
        return (rotated >> np.uint64(63 - _BAND_BITS)).astype(np.int64)

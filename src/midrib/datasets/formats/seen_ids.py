"""Which ids have come before: a bit each, since a file may hold many millions."""

from __future__ import annotations

from collections.abc import Hashable

_MOST_BITS = 1 << 28  # 32 MiB


class SeenIds:
    """Whole numbers from 0 to 2²⁸ take a bit up to the largest one; other ids are kept whole."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._others: set[Hashable] = set()

    def add(self, key: Hashable) -> bool:
        """Remember ``key``; whether it is new."""
        if isinstance(key, int) and 0 <= key < _MOST_BITS:
            return self._set(*divmod(key, 8))
        is_new = key not in self._others
        self._others.add(key)
        return is_new

    def _set(self, place: int, shift: int) -> bool:
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        is_new = not self._bits[place] >> shift & 1
        self._bits[place] |= 1 << shift
        return is_new

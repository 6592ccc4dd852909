"""Decoded pictures on disk: what was decoded and resized once is read back later.

One file a picture, named by the hashes of the encoded file and of the recipe, so that an entry is
right for ever and any number of processes may read and write. Files appear whole, by renaming;
each has a checksum, since they are not synced. What was not read for longest goes first when the
bound is reached.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import struct
import time
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from midrib.errors import StorageError
from midrib.records import Pixels
from midrib.storage import ASIDE_PREFIX, storage_errors, written_aside

FREE_BYTES_LEFT = 1 << 30
"""The cache gives way before the disk has less than this left: checkpoints need it more."""

_MAGIC = b"midribP1"
_HEADER = struct.Struct("<8sIII")  # magic, height, width, CRC-32 of the pixels
_CHANNELS = 3
_SUFFIX = ".pixels"
_ABANDONED_SECONDS = 3600.0  # a file that was not renamed for so long is a killed process's
_TOUCH_SECONDS = 600.0  # files are marked as used at most so often: each mark is a write
_LOOKS = 50  # a process that has written the bound over this counts again what there is
_KEPT_SHARE = 0.9  # of the bound, after a clearing: not every picture shall need one


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file in the cache; ``used`` in seconds since the epoch."""

    path: Path
    bytes: int
    used: float


class PictureCache:
    """Decoded pictures below ``folder``, ``bound_bytes`` of them.

    A full disk, or a place that cannot be written to, costs no more than the cache: there is one
    warning, and pictures are decoded as without it. What is there already is still read.

    Args:
        folder: is made when the first picture comes.
        bound_bytes: processes that write at the same time may exceed it by a fiftieth each.
    """

    def __init__(self, folder: Path, bound_bytes: int) -> None:
        self._folder = folder
        self._bound_bytes = bound_bytes
        self._takes_more = bound_bytes > 0
        self._room_bytes = 0  # what may be written before all is counted again

    def get(self, sha256: str, recipe_hash: str) -> Pixels | None:
        """The picture, uint8, height × width × 3, or None where there is none or it is damaged."""
        path = self._path(sha256, recipe_hash)
        try:
            with path.open("rb", buffering=0) as stream:
                status = os.fstat(stream.fileno())
                pixels = _read(stream, status.st_size)
        except OSError:  # it is not there, or out of reach: the picture can be decoded
            return None
        if pixels is not None and time.time() - status.st_mtime > _TOUCH_SECONDS:
            with contextlib.suppress(OSError):  # read-only, or cleared away by another process
                os.utime(path)
        return pixels

    def put(self, sha256: str, recipe_hash: str, pixels: Pixels) -> None:
        """Keep a picture, uint8, height × width × 3, if there is room."""
        if not self._takes_more:
            return
        pixels = np.ascontiguousarray(pixels)
        needed = _HEADER.size + pixels.nbytes
        try:
            if needed > self._room_bytes:
                self._room_bytes = self._make_room(needed)
            if needed > self._room_bytes:
                self._give_up("the disk is nearly full, or the bound is less than one picture")
                return
            with written_aside(self._path(sha256, recipe_hash), synced=False) as aside:
                _write(aside, pixels)
        except StorageError as problem:
            self._give_up(problem.came)
            return
        self._room_bytes -= needed

    def _path(self, sha256: str, recipe_hash: str) -> Path:
        return self._folder / recipe_hash[:16] / sha256[:2] / f"{sha256}{_SUFFIX}"

    def _make_room(self, needed: int) -> int:
        """Clear the oldest away if need be. Returns bytes that may be written until the next call.

        Raises ``StorageError``.
        """
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(self._folder).free
            kept = sorted(_kept_below(self._folder), key=lambda each: each.used)
            taken = sum(each.bytes for each in kept)
            bound = min(self._bound_bytes, taken + free_bytes - FREE_BYTES_LEFT)
            if taken + needed > bound:
                for each in kept:
                    if taken + needed <= bound * _KEPT_SHARE:
                        break
                    each.path.unlink(missing_ok=True)  # another process may have been quicker
                    taken -= each.bytes
        return min(bound - taken, max(needed, self._bound_bytes // _LOOKS))

    def _give_up(self, reason: str) -> None:
        self._takes_more = False
        if _speaks_for_all():
            warnings.warn(
                f"decoded pictures are no longer kept in {self._folder}: {reason}", stacklevel=3
            )


def _speaks_for_all() -> bool:
    """Whether this is the main process or its first worker: the others meet with the same."""
    is_main = multiprocessing.parent_process() is None
    return is_main or multiprocessing.current_process().name.endswith("-1")


def _read(stream: FileIO, file_bytes: int) -> Pixels | None:
    """The pixels of an open file; None unless it is one of ours and whole."""
    header = stream.read(_HEADER.size)
    if len(header) != _HEADER.size:
        return None
    magic, height, width, checksum = _HEADER.unpack(header)
    if magic != _MAGIC or _HEADER.size + height * width * _CHANNELS != file_bytes:
        return None
    pixels = np.empty((height, width, _CHANNELS), np.uint8)
    if stream.readinto(pixels.data) != pixels.nbytes or zlib.crc32(pixels.data) != checksum:
        return None
    return pixels


def _write(path: Path, pixels: Pixels) -> None:
    height, width, _ = pixels.shape
    with path.open("wb") as stream:
        stream.write(_HEADER.pack(_MAGIC, height, width, zlib.crc32(pixels.data)))
        stream.write(pixels.data)


def _kept_below(folder: Path) -> Iterator[_Kept]:
    """What is in the cache, but for what other processes write just now."""
    for recipe in folder.iterdir():
        for shelf in recipe.iterdir():
            for entry in os.scandir(shelf):
                # Cleared away by another process since the folder was listed.
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat()
                    abandoned = time.time() - status.st_mtime > _ABANDONED_SECONDS
                    if abandoned or not entry.name.startswith(ASIDE_PREFIX):
                        yield _Kept(Path(entry.path), status.st_size, status.st_mtime)

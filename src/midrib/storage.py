"""Files and folders that are either whole or absent.

Everything is written aside in the same folder, synced and renamed, so that a process killed at
any moment leaves the old content or the new, never a part.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from midrib.errors import StorageError
from midrib.printable import printable_json

ASIDE_PREFIX = ".midrib-aside-"
_CHUNK_BYTES = 1 << 20
# A limit on file size (ulimit -f) is a full disk to whoever runs into it.
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CURRENT_FOLDER = -100  # AT_FDCWD of fcntl.h
_SWAP = 2  # RENAME_EXCHANGE of linux/fs.h


@contextmanager
def written_aside(target: Path, *, synced: bool = True) -> Iterator[Path]:
    """Give a path to write one file to; on success it is synced and becomes ``target``.

    ``synced`` may be left out for what can be made again and has a checksum: after a power cut
    such a file may be damaged, after a killed process it is whole or absent as ever.
    Raises ``StorageError`` when the disk is full or refuses; ``target`` is then untouched.
    """
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=ASIDE_PREFIX, dir=target.parent)
        os.close(handle)
        aside = Path(name)
        try:
            yield aside
            if synced:
                _sync(aside)
            aside.chmod(0o644)
            aside.replace(target)
            if synced:
                _sync(target.parent)
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def folder_written_aside(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; on success it is synced whole and becomes ``target``.

    An existing ``target`` is replaced only once the new folder is complete.
    Raises ``StorageError`` when the disk is full or refuses; ``target`` is then untouched.
    """
    with storage_errors(target):
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=ASIDE_PREFIX, dir=target.parent))
        try:
            yield aside
            for path in sorted(aside.rglob("*"), reverse=True):
                _sync(path)
            _sync(aside)
            aside.chmod(0o755)
            _replace_folder(aside, target)
            _sync(target.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write ``content`` to ``target``, whole or not at all."""
    with written_aside(target) as aside:
        aside.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Write UTF-8 ``content`` to ``target``, whole or not at all."""
    write_bytes(target, content.encode("utf-8"))


def write_json(target: Path, value: object) -> None:
    """Write ``value`` as indented JSON to ``target``, whole or not at all."""
    write_text(target, printable_json(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Parse the JSON in ``path``. Raises ``StorageError`` when it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise StorageError(
            f"{path} cannot be read: {problem}", expected="a JSON file", todo="restore or remove it"
        ) from None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def storage_errors(target: Path) -> Iterator[None]:
    """Turn the operating system's refusals into ``StorageError`` with advice."""
    try:
        yield
    except OSError as problem:
        if problem.errno in _DISK_FULL:
            todo = "free some space and run the same command again; nothing was left half-written"
            raise StorageError(
                f"the disk is full while writing {target}", expected="free space", todo=todo
            ) from problem
        raise StorageError(
            f"{target} cannot be written: {problem.strerror or problem}",
            expected="a place that can be written to",
            todo="check the path and its permissions",
        ) from problem


def _replace_folder(aside: Path, target: Path) -> None:
    """Put the folder ``aside`` in the place of ``target``; what stood there goes with ``aside``."""
    if not target.exists():
        aside.rename(target)
        return
    if _swapped(aside, target):
        return
    # A folder that is not empty cannot be renamed over, so the old one steps aside first; the
    # moment between the two renames is the only one in which neither stands under its name.
    old = Path(tempfile.mkdtemp(prefix=ASIDE_PREFIX, dir=target.parent))
    target.rename(old / target.name)
    aside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _swapped(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None).renameat2
    except AttributeError:  # musl and older C libraries
        return False
    paths = (_CURRENT_FOLDER, os.fsencode(one), _CURRENT_FOLDER, os.fsencode(other))
    return bool(rename(*paths, _SWAP) == 0)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

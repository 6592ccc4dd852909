"""Zip and tar archives, read member by member; whatever is no plain file or folder is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, cast

from midrib.datasets.sources.members import Member
from midrib.errors import DatasetError

ArchiveKind = Literal["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]

SUFFIXES = (
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".tbz", ".txz"),
    *(".tar", ".zip"),
)
Opened = tuple[Member, Callable[[], IO[bytes]]]
"""A member, and how to read it; only until the next one is asked for."""

# A name or header is read at once, and a bomb would make it gigabytes.
_LONGEST_READ = 1 << 20
_MOST_DIRECTORY_BYTES = 1 << 30
_BLOCK = 512
_MOST_PADDING = 1 << 24
_TAR_MAGIC = slice(257, 262)
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError),
    *(NotImplementedError, struct.error, ValueError, UnicodeError, gzip.BadGzipFile),
)


def archive_kind(path: Path) -> ArchiveKind | None:
    """What kind of archive a file is, by its content; None when it is none."""
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
    magics: dict[bytes, ArchiveKind] = {
        b"PK\x03\x04": "zip",
        b"PK\x05\x06": "zip",
        b"\x1f\x8b": "tar.gz",
        b"BZh": "tar.bz2",
        b"\xfd7zXZ\x00": "tar.xz",
    }
    for magic, kind in magics.items():
        if head.startswith(magic):
            return kind
    # Before POSIX a tar had no magic: such a one is only known by its name.
    is_tar = head[_TAR_MAGIC] == b"ustar" or (path.name.lower().endswith(".tar") and head)
    return "tar" if is_tar else None


def is_archive_name(name: str) -> bool:
    """Whether a file is called like an archive."""
    return name.lower().endswith(SUFFIXES)


def without_suffix(name: str) -> str:
    """``name`` without an archive's suffix."""
    found = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(found)]


@contextmanager
def opened_archive(path: Path, kind: ArchiveKind) -> Iterator[Iterator[Opened]]:
    """The members of an archive in their order.

    Raises ``DatasetError``, also while members are read, for what is damaged, encrypted or
    neither file nor folder.
    """
    try:
        with path.open("rb") as stream:
            yield _zip_members(stream, path) if kind == "zip" else _tar_members(stream, path, kind)
    except _UNREADABLE as problem:
        raise DatasetError(
            f"{path} cannot be unpacked: {problem or type(problem).__name__}",
            expected=f"a whole {kind} archive",
            todo="copy it again, or unpack it yourself and name the folder",
        ) from None


def _zip_members(stream: IO[bytes], path: Path) -> Iterator[Opened]:
    _require_small_directory(stream, path)
    with zipfile.ZipFile(stream) as opened:
        for info in opened.infolist():
            name = _zip_name(info)
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _refusal(path, name, "a link or a device")
            if info.flag_bits & _ENCRYPTED_FLAG:
                raise _refusal(path, name, "an encrypted file")
            member = Member(name, info.file_size, is_folder=name.endswith("/"))
            yield member, lambda info=info: opened.open(info)  # type: ignore[misc]  # mypy sees no default


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: many tools write UTF-8 and do not say so, or backslashes."""
    name = info.filename
    if not info.flag_bits & _UTF8_FLAG:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/")


def _require_small_directory(stream: IO[bytes], path: Path) -> None:
    """The list of members is read at once, so its size is looked at first."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - (1 << 16) - 22))
    tail = stream.read()
    stream.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    told = struct.unpack_from("<L", tail, place + 12)[0] if 0 <= place <= len(tail) - 22 else 0
    wide = tail.rfind(b"PK\x06\x06")
    if 0 <= wide <= len(tail) - 56:
        told = max(told if told < 0xFFFFFFFF else 0, struct.unpack_from("<Q", tail, wide + 40)[0])
    if told > _MOST_DIRECTORY_BYTES:
        raise _refusal(path, "", f"a list of files of {told:,} bytes")


def _tar_members(stream: IO[bytes], path: Path, kind: ArchiveKind) -> Iterator[Opened]:
    bounded = cast("IO[bytes]", _ShortReads(_unpacked(stream, kind), path))
    with tarfile.open(fileobj=bounded, mode="r:") as opened:
        while (info := opened.next()) is not None:
            opened.members.clear()  # type: ignore[attr-defined]  # else it keeps every member in memory
            if not (info.isreg() or info.isdir()):
                raise _refusal(path, info.name, "a link or a device")
            member = Member(info.name, 0 if info.isdir() else info.size, is_folder=info.isdir())
            yield member, lambda info=info: _tar_stream(opened, info)  # type: ignore[misc]  # as above
        _require_end(bounded, opened.offset)


def _require_end(stream: IO[bytes], offset: int) -> None:
    """Tarfile takes a file that ends early, or goes on with noise, for the end."""
    stream.seek(offset)
    if stream.read(_BLOCK) != bytes(_BLOCK):
        raise tarfile.ReadError("it ends early")
    # Only at its very end is a packed stream compared with its checksum.
    for _ in range(_MOST_PADDING // _LONGEST_READ):
        if not stream.read(_LONGEST_READ):
            break


def _tar_stream(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = opened.extractfile(info)
    if stream is None:
        raise tarfile.ReadError(f"{info.name} is no file")
    return stream


def _unpacked(stream: IO[bytes], kind: ArchiveKind) -> IO[bytes]:
    if kind == "tar.gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if kind == "tar.bz2":
        return cast("IO[bytes]", bz2.BZ2File(stream))
    return cast("IO[bytes]", lzma.LZMAFile(stream)) if kind == "tar.xz" else stream


class _ShortReads:
    """A stream that refuses to give very much at once: names and headers are short."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream = stream
        self._path = path
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_READ:
            raise _refusal(self._path, "", f"a name or header of {size:,} bytes")
        return self._stream.read(size)


def _refusal(path: Path, name: str, what: str) -> DatasetError:
    return DatasetError(
        f"{path} holds {what}" + (f" ({name[:80]!r})" if name else ""),
        expected="plain files and folders",
        todo="nothing was written; unpack it yourself, and name the folder",
    )

"""An archive in the home folder, unpacked once: whole or absent, known by its content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from filelock import FileLock

from midrib.datasets.sources.archives import ArchiveKind, opened_archive
from midrib.datasets.sources.limits import SourceLimits
from midrib.datasets.sources.members import Checked, Checker
from midrib.errors import DatasetError
from midrib.storage import ASIDE_PREFIX, file_sha256, folder_written_aside, storage_errors

Progress = Callable[[int, int], None]
"""Files done and files in all."""

_KEY_DIGITS = 32
_CHUNK_BYTES = 1 << 18


def unpack_once(
    archive: Path,
    kind: ArchiveKind,
    cache: Path,
    *,
    limits: SourceLimits,
    progress: Progress | None = None,
) -> Path:
    """The folder with what an archive holds, unpacked unless its content is there already.

    Names and sizes are all checked before the first byte is written. A process that is killed
    leaves nothing but what the next one clears away; several that want the same wait for one.

    Raises:
        DatasetError: the archive is damaged, leaves its folder or passes a bound.
        StorageError: the disk does not take it.
    """
    before = _stamp(archive)
    place = cache / file_sha256(archive)[:_KEY_DIGITS]
    target = place / "files"
    if target.is_dir():  # it is whole once it is there, and may lie where nothing can be written
        return below_single_folders(target)
    with storage_errors(target):
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / "lock"):
            if not target.is_dir():
                clear_asides(place)
                checker = _checked(archive, kind, limits)
                checker.require_room(place)
                with folder_written_aside(target) as aside:
                    again = Checker(str(archive), limits, before[1])
                    for _ in _write(archive, kind, aside, again):
                        if progress:
                            progress(again.files, max(again.files, checker.files))
                    _require_unchanged(archive, before)
    return below_single_folders(target)


def clear_asides(folder: Path) -> None:
    """Remove what a killed process left in a folder whose lock is held."""
    for left in folder.glob(f"{ASIDE_PREFIX}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def below_single_folders(folder: Path) -> Path:
    """The first folder that holds more than one other: archives of a folder hold it whole."""
    while True:
        with os.scandir(folder) as found:
            visible = [entry for entry in found if not entry.name.startswith(".")]
        if len(visible) != 1 or not visible[0].is_dir(follow_symlinks=False):
            return folder
        folder = Path(visible[0].path)


def _checked(archive: Path, kind: ArchiveKind, limits: SourceLimits) -> Checker:
    """The checker after it has seen every member; nothing is written."""
    checker = Checker(str(archive), limits, archive.stat().st_size)
    with opened_archive(archive, kind) as members:
        for _ in checker.check(member for member, _ in members):
            pass
    return checker


def _write(archive: Path, kind: ArchiveKind, folder: Path, checker: Checker) -> Iterator[Path]:
    """Write every member, checked once more since the file may have changed; give its path."""
    with opened_archive(archive, kind) as members:
        for member, read in members:
            for checked in checker.check([member]):
                path = folder.joinpath(*checked.parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                if member.is_folder:
                    path.mkdir(exist_ok=True)
                else:
                    with read() as source, path.open("xb") as sink:
                        _copy(source, sink, checked, archive)
                yield path


def _copy(source: IO[bytes], sink: IO[bytes], checked: Checked, archive: Path) -> None:
    """Copy as many bytes as were told, and refuse more or fewer."""
    left = checked.member.size
    while chunk := source.read(min(_CHUNK_BYTES, left + 1)):
        left -= len(chunk)
        if left < 0:
            break
        sink.write(chunk)
    if left:
        raise DatasetError(
            f"{archive} does not hold as many bytes of {checked.member.name[:80]!r} as it tells",
            expected=f"{checked.member.size:,} bytes",
            todo="copy the archive again",
        )


def _stamp(archive: Path) -> tuple[int, ...]:
    status = archive.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _require_unchanged(archive: Path, before: tuple[int, ...]) -> None:
    if _stamp(archive) != before:
        raise DatasetError(
            f"{archive} changed while it was read",
            expected="a file that stays as it is",
            todo="run the same command again once it is written",
        )

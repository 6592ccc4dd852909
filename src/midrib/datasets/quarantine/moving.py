"""Files moved as planned, and put back; whichever moment a process is killed at, none is lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from midrib.datasets.formats.interface import stays_inside
from midrib.datasets.quarantine.journal import (
    Action,
    Move,
    read_journal,
    sync_folder,
    write_ahead,
)
from midrib.datasets.quarantine.planning import Left, Place
from midrib.errors import StorageError
from midrib.storage import file_sha256, storage_errors, written_aside

Progress = Callable[[int, int], None]
_LOCK = ".lock"
_LED_OUT = "a link leads its new place out of the folder"


@dataclass(frozen=True)
class Outcome:
    """What was moved, from where to where, and what was left where it is, with the reason."""

    moved: tuple[tuple[Path, Path], ...]
    left: tuple[Left, ...] = ()


def carry_out(place: Place, moves: Sequence[Move], progress: Progress | None = None) -> Outcome:
    """Write the moves to the journal of ``place``, then move the files.

    Raises ``StorageError`` when journal or folders cannot be written; what was moved until then
    stands in the journal.
    """
    if not moves:
        return Outcome(())
    with _locked(place.folder):
        write_ahead(place.folder, moves)
        pairs = [(place.root / move.origin, place.target(move)) for move in moves]
        contents = [move.sha256 for move in moves]
        base = place.folder if moves[0].action == "quarantine" else place.root
        return _moved(pairs, contents, base, progress)


def put_back(
    place: Place,
    action: Action,
    kinds: Iterable[str] = (),
    progress: Progress | None = None,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Undo the moves of one action, of ``kinds`` only where any are named, the newest first.

    A file whose content has changed, or whose place is taken again, is left and named. With
    ``dry_run`` the outcome is what would be done, and nothing is.
    Raises ``StorageError`` where there is no journal of this source.
    """
    wanted = set(kinds)
    if not place.folder.is_dir():
        raise _nothing(place)
    with _locked(place.folder):
        journal = read_journal(place.folder)
        of_source = [move for move in journal if move.root == str(place.root)]
        if not of_source:
            raise _nothing(place, {move.root for move in journal})
        # The newest move to a place is the one that put there what lies there now.
        there = {
            target: move
            for move in of_source
            if move.action == action and (not wanted or move.kind in wanted)
            if (target := place.target(move)).is_file()
        }
        pairs = [(target, place.root / move.origin) for target, move in there.items()]
        contents = [move.sha256 for move in there.values()]
        return _moved(pairs[::-1], contents[::-1], place.root, progress, dry_run=dry_run)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone with the journal. Raises ``StorageError`` where nothing can be written."""
    lock = folder / _LOCK
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock.touch()  # a lock that cannot be made would be waited for without end
    with FileLock(lock):
        yield


def _nothing(place: Place, others: Iterable[str] = ()) -> StorageError:
    told = ", ".join(sorted(others))
    return StorageError(
        f"{place.folder} holds nothing of {place.root}" + (f", only of {told}" if told else ""),
        expected="the folder that its pictures were moved to",
        todo="name that folder with --to",
    )


def _moved(
    pairs: Sequence[tuple[Path, Path]],
    contents: Sequence[str],
    base: Path,
    progress: Progress | None,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Move each from its first to its second place, which has to lie in ``base``."""
    move = _refusal if dry_run else _move
    moved: list[tuple[Path, Path]] = []
    left: list[Left] = []
    for done, ((origin, target), sha256) in enumerate(zip(pairs, contents, strict=True), start=1):
        refusal = move(origin, target, sha256) if stays_inside(target, base) else _LED_OUT
        if refusal:
            left.append((origin, refusal))
        else:
            moved.append((origin, target))
        if progress:
            progress(done, len(pairs))
    if not dry_run:
        for folder in {path.parent for pair in moved for path in pair}:
            sync_folder(folder)
    return Outcome(tuple(moved), tuple(left))


def _move(origin: Path, target: Path, sha256: str) -> str:
    """Move one file; says why not where it is left."""
    with storage_errors(target):
        if refusal := _refusal(origin, target, sha256):
            return refusal
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            origin.rename(target)
        except OSError as problem:
            if problem.errno != errno.EXDEV:
                raise
            _copy_then_remove(origin, target)
    return ""


def _refusal(origin: Path, target: Path, sha256: str) -> str:
    """Why a file is not moved; empty where nothing speaks against it."""
    if not origin.is_file():
        return "it is gone"
    if os.path.lexists(target):
        return f"{target} is there already"
    if sha256 and file_sha256(origin) != sha256:
        return "its content has changed"
    return ""


def _copy_then_remove(origin: Path, target: Path) -> None:
    """Move between file systems: the origin goes once the copy is whole and on the disk."""
    with written_aside(target) as aside:
        shutil.copyfile(origin, aside)
    shutil.copystat(origin, target)
    origin.unlink()

"""Which file would go where, decided before anything moves."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from midrib.datasets.quarantine.journal import Action, Move
from midrib.errors import StorageError
from midrib.preprocessing.decoding import SUFFIXES
from midrib.storage import file_sha256

Left = tuple[Path, str]
"""A file that is left where it is, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that the pictures are in, and the one that they are moved to; both absolute."""

    root: Path
    folder: Path

    def target(self, move: Move) -> Path:
        """Where a move puts its file."""
        return (self.folder if move.action == "quarantine" else self.root) / move.target


def place_beside(source: Path, folder: Path | None = None) -> Place:
    """Where the pictures of a folder or table go: ``folder``, or one beside the source.

    Raises ``StorageError`` for a folder inside the source, where they would be read again.
    """
    source = source.resolve()
    root = source if source.is_dir() else source.parent
    folder = (folder or root.parent / f"{root.name}-quarantine").expanduser().resolve()
    if folder.is_relative_to(root):
        raise StorageError(
            f"{folder} lies in {root}",
            expected="a folder outside of the pictures",
            todo="choose another one with --to",
        )
    return Place(root, folder)


def plan_quarantine(
    place: Place, kind: str, paths: Iterable[Path]
) -> tuple[list[Move], list[Left]]:
    """Moves that take pictures out of the source, below a folder of the ``kind``'s name."""

    def target(origin: PurePosixPath) -> tuple[Path, PurePosixPath]:
        return place.folder, kind / origin

    return _planned(place, "quarantine", kind, paths, target)


def plan_renaming(
    place: Place, kind: str, endings: Iterable[tuple[Path, str]]
) -> tuple[list[Move], list[Left]]:
    """Moves that give pictures another ending, such as '.png', where they are."""
    wanted = dict(endings)

    def target(origin: PurePosixPath) -> tuple[Path, PurePosixPath]:
        return place.root, origin.with_suffix(wanted[place.root / origin])

    return _planned(place, "rename", kind, wanted, target)


def _planned(
    place: Place,
    action: Action,
    kind: str,
    paths: Iterable[Path],
    target: Callable[[PurePosixPath], tuple[Path, PurePosixPath]],
) -> tuple[list[Move], list[Left]]:
    moves: list[Move] = []
    left: list[Left] = []
    taken: set[Path] = set()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for path in paths:
        refusal = _refusal(place, path)
        if refusal:
            left.append((path, refusal))
            continue
        origin = PurePosixPath(path.relative_to(place.root).as_posix())
        base, wanted = target(origin)
        chosen = _free(base, wanted, taken)
        moves.append(
            Move(action, kind, str(place.root), str(origin), str(chosen), _content(path), now)
        )
    return moves, left


def _refusal(place: Place, path: Path) -> str:
    """Why a file is not touched; empty when it may be."""
    if not path.is_relative_to(place.root):
        return f"it does not lie in {place.root}"
    try:
        mode = path.lstat().st_mode
    except OSError as problem:
        return problem.strerror or str(problem)
    if stat.S_ISLNK(mode):
        return "it is a link; move or remove it by hand"
    if not stat.S_ISREG(mode):
        return "it is no regular file"
    if path.suffix.lower() not in SUFFIXES:
        return "it is no picture; mend what it says by hand"
    return ""


def _free(base: Path, wanted: PurePosixPath, taken: set[Path]) -> PurePosixPath:
    """``wanted``, or with a number where something lies there already."""
    chosen, number = wanted, 1
    while base / chosen in taken or os.path.lexists(base / chosen):
        number += 1
        chosen = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    taken.add(base / chosen)
    return chosen


def _content(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError:
        return ""  # it may be moved for the very reason that it cannot be read

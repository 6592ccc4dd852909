"""The journal of a quarantine: one JSON line a move, synced before the move."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from midrib.errors import StorageError
from midrib.storage import storage_errors

JOURNAL = "journal.jsonl"

Action = Literal["quarantine", "rename"]


@dataclass(frozen=True, slots=True)
class Move:
    """One file that goes from one place to another.

    ``origin`` is relative to ``root``, the absolute folder of the source. ``target`` is relative
    to the quarantine folder, or for a renaming to ``root``. Both are written with slashes.
    ``sha256`` is of the file's content, empty where it cannot be read; ``when`` is ISO 8601, UTC.
    """

    action: Action
    kind: str
    root: str
    origin: str
    target: str
    sha256: str
    when: str


def write_ahead(folder: Path, moves: Iterable[Move]) -> None:
    """Add moves to the journal in ``folder``; they are on the disk when this returns.

    Raises ``StorageError`` where that cannot be done.
    """
    path = folder / JOURNAL
    lines = "".join(json.dumps(asdict(move)) + "\n" for move in moves)
    with storage_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as stream:
            if _is_torn(path):
                lines = "\n" + lines
            stream.write(lines.encode("ascii"))
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(folder)


def read_journal(folder: Path) -> list[Move]:
    """Every move of the journal, the oldest first; none where there is no journal.

    A line that was cut off when its writer was killed is no move: nothing had been moved yet.
    Raises ``StorageError`` for a journal that cannot be read or leads out of its folders.
    """
    path = folder / JOURNAL
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise _foreign(path, str(problem)) from None
    return [move for line in lines if (move := _parsed(path, line)) is not None]


def _parsed(path: Path, line: str) -> Move | None:
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None  # empty, or cut off
    try:
        move = Move(**record)
    except TypeError as problem:
        raise _foreign(path, str(problem)) from None
    if not all(isinstance(value, str) for value in asdict(move).values()):
        raise _foreign(path, "a field is no text")
    for told in (move.origin, move.target):
        if PurePosixPath(told).is_absolute() or ".." in PurePosixPath(told).parts:
            raise _foreign(path, f"'{told}' leads out of its folder")
    return move


def _foreign(path: Path, why: str) -> StorageError:
    return StorageError(
        f"{path} cannot be used: {why}",
        expected="the journal that midrib has written",
        todo="restore that file; the pictures lie beside it, by kind",
    )


def _is_torn(path: Path) -> bool:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        if not size:
            return False
        stream.seek(size - 1)
        return stream.read(1) != b"\n"


def sync_folder(folder: Path) -> None:
    """Put on the disk which files a folder holds."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files that were inspected before and have not changed since are not opened again.

What inspection found of a file is kept with the file's size, times and inode, in one SQLite
database a source. Each group of files is kept in a transaction of its own: a process that is
killed has lost the last group, and two that read the same source at once wait for each other.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from midrib.config import fingerprint
from midrib.datasets.formats import Entry
from midrib.datasets.formats.interface import is_text
from midrib.datasets.inspection import INSPECTION, Progress, inspect_pictures
from midrib.datasets.measures import Measures
from midrib.datasets.records import Item, Problem

_logger = logging.getLogger(__name__)

_TOGETHER = 2000
# A file that changes twice within one tick of its clock keeps its times: FAT's tick is the longest.
_UNSETTLED_NS = 2_000_000_000
_PATIENCE_SECONDS = 60.0
_SLACK = 2  # rows of files that are gone are dropped once they are more than those that are there

_FACTS = ("sha256", "bytes", "width", "height", "mode", "format")
# What was kept by code that finds other things of a file is worth nothing.
_KIND = int(fingerprint([INSPECTION, _FACTS, [each.name for each in fields(Measures)]])[:7], 16)


def inspect_changed(
    entries: Sequence[Entry],
    database: Path | None,
    *,
    fresh: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Item], list[Problem]]:
    """`inspect_pictures`, but for files that are known and unchanged.

    A file is unchanged while its path, size, inode and times of change are the same.
    Files that cannot be used are always opened again.

    Args:
        entries: pictures as the source tells them.
        database: where what was found is kept; None keeps nothing and opens every file.
        fresh: open every file all the same.
        progress: called with how many are done and how many there are.
    """
    if database is None:
        return inspect_pictures(entries, progress)
    items: list[Item] = []
    problems: list[Problem] = []
    with closing(_Memory(database)) as memory:
        for start in range(0, len(entries), _TOGETHER):
            group = entries[start : start + _TOGETHER]
            states = [_state(entry.path) for entry in group]
            known = {} if fresh else memory.recall(group, states)
            opened = [entry for place, entry in enumerate(group) if place not in known]
            seen = start + len(known)
            found, wrong = inspect_pictures(opened, _onward(progress, seen, len(entries)))
            memory.keep(found, dict(zip((e.path for e in group), states, strict=True)))
            items += _in_order(group, known, found)
            problems += wrong
        memory.forget_others(entries)
    if progress:
        progress(len(entries), len(entries))
    return items, problems


def _onward(progress: Progress | None, seen: int, total: int) -> Progress | None:
    """``progress`` of a group as that of the whole."""
    if progress is None:
        return None
    return lambda done, _: progress(seen + done, total)


def _in_order(
    group: Sequence[Entry], known: Mapping[int, Item], found: Sequence[Item]
) -> Iterator[Item]:
    """Known and found items in the order of ``group``; of ``found`` some may be missing."""
    rest = iter(found)
    following = next(rest, None)
    for place, entry in enumerate(group):
        if place in known:
            yield known[place]
        elif following is not None and _is_of(following, entry):
            yield following
            following = next(rest, None)


def _is_of(item: Item, entry: Entry) -> bool:
    told = (entry.path, entry.labels, entry.split, entry.group)
    return told == (item.path, item.labels, item.split, item.group)


def _state(path: Path) -> str | None:
    """What changes when a file does; None where that cannot be told."""
    try:
        status = path.stat()
    except OSError:
        return None  # inspection will say why
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    if not is_text(str(path)) or newest > time.time_ns() - _UNSETTLED_NS:
        return None
    times = f"{status.st_mtime_ns}:{status.st_ctime_ns}"
    return f"{status.st_size}:{times}:{status.st_dev}:{status.st_ino}"


class _Memory:
    """What is kept of files, by path. What cannot be kept or recalled is found again."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        with self._tolerant():
            self._connection = _opened(database)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def recall(self, group: Sequence[Entry], states: Sequence[str | None]) -> dict[int, Item]:
        """The items of those of ``group`` that are unchanged, by their place in it."""
        paths = json.dumps([str(entry.path) for entry in group])
        kept: dict[str, tuple[str, str]] = {}
        with self._tolerant() as connection:
            if connection is not None:
                rows = connection.execute(
                    "SELECT path, state, facts FROM files"
                    " WHERE path IN (SELECT value FROM json_each(?))",
                    [paths],
                )
                kept = {path: (state, facts) for path, state, facts in rows}
        items = {}
        for place, (entry, state) in enumerate(zip(group, states, strict=True)):
            was, facts = kept.get(str(entry.path), (None, ""))
            if state is not None and state == was:
                item = _item(entry, json.loads(facts))
                if item is not None:
                    items[place] = item
        return items

    def keep(self, items: Sequence[Item], states: Mapping[Path, str | None]) -> None:
        """Keep what was found of files in these states."""
        rows = [
            (str(item.path), state, json.dumps(_facts(item), separators=(",", ":")))
            for item in items
            if (state := states[item.path]) is not None
        ]
        with self._tolerant() as connection:
            if connection is not None and rows:
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def forget_others(self, entries: Sequence[Entry]) -> None:
        """Drop what is kept of files that are gone, if that is much."""
        with self._tolerant() as connection:
            if connection is None:
                return
            (kept,) = connection.execute("SELECT count(*) FROM files").fetchone()
            if kept <= _SLACK * len(entries):
                return
            connection.execute("CREATE TEMP TABLE there (path TEXT PRIMARY KEY)")
            paths = ((str(entry.path),) for entry in entries)
            connection.executemany("INSERT OR IGNORE INTO there VALUES (?)", paths)
            connection.execute("DELETE FROM files WHERE path NOT IN (SELECT path FROM there)")
            connection.execute("DROP TABLE there")

    @contextmanager
    def _tolerant(self) -> Iterator[sqlite3.Connection | None]:
        """One transaction. A database that fails is left alone: all is found again without it."""
        try:
            if self._connection is None:
                yield None
            else:
                with self._connection:
                    yield self._connection
        except (sqlite3.Error, OSError) as problem:
            told = "what is known of files cannot be kept or recalled, so all are opened (%s: %s)"
            _logger.warning(told, self._database, problem)
            self.close()
            self._connection = None


def _opened(database: Path) -> sqlite3.Connection:
    """The database, empty where it is new, damaged or was filled by other code."""
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _prepared(database)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # it is no database
        database.unlink(missing_ok=True)
        return _prepared(database)


def _prepared(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, timeout=_PATIENCE_SECONDS)
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            (kind,) = connection.execute("PRAGMA user_version").fetchone()
            if kind != _KIND:
                connection.execute("DROP TABLE IF EXISTS files")
                connection.execute(
                    "CREATE TABLE files (path TEXT PRIMARY KEY, state TEXT, facts TEXT)"
                    " WITHOUT ROWID"
                )
                connection.execute(f"PRAGMA user_version = {_KIND}")
    except BaseException:
        connection.close()
        raise
    return connection


def _facts(item: Item) -> list[Any]:
    measures = item.measures and list(asdict(item.measures).values())
    return [*(getattr(item, name) for name in _FACTS), measures]


def _item(entry: Entry, facts: Sequence[Any]) -> Item | None:
    """The item of an entry; None where the entry is for a picture of another size."""
    told: dict[str, Any] = dict(zip(_FACTS, facts, strict=False))
    if entry.width and (entry.width, entry.height) != (told["width"], told["height"]):
        return None
    measured: list[Any] = [
        tuple(value) if isinstance(value, list) else value for value in facts[-1] or ()
    ]
    return Item(
        path=entry.path,
        labels=entry.labels,
        split=entry.split,
        annotations=entry.annotations,
        group=entry.group,
        measures=Measures(*measured) if measured else None,
        **told,
    )

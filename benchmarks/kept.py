"""What was measured is kept in the home folder: a long benchmark goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import midrib
from midrib.config import fingerprint
from midrib.errors import StorageError
from midrib.settings import Settings
from midrib.storage import file_sha256, read_json, write_json


def kept(
    name: str,
    depends: list[Any],
    make: Callable[[], dict[str, Any]],
    *,
    benchmark: str,
    fresh: bool = False,
) -> dict[str, Any]:
    """What ``make`` found for ``name`` when ``depends`` were as they are, else what it finds now.

    Args:
        name: stands in the file's name.
        depends: JSON-ready; with other ones it is made anew.
        make: measures; what it gives is JSON-ready.
        benchmark: the folder of the home folder that it is kept in.
        fresh: make it anew in any case.
    """
    file = Settings().folder / benchmark / f"{name}-{fingerprint(depends)[:16]}.json"
    record = None if fresh else _recalled(file)
    if record is None:
        record = make()
        write_json(file, record)
    return record


def _recalled(file: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = read_json(file)
    except StorageError:
        return None
    return record


@cache
def code_of(rooms: Iterable[str], *files: Path) -> str:
    """Fingerprint of the code in rooms of midrib and in further files."""
    found = list(files)
    for room in rooms:
        found += sorted((Path(midrib.__file__).parent / room).rglob("*.py"))
    return fingerprint([file_sha256(file) for file in found])

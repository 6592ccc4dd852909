"""What a user means by NAME, NAME@VERSION or a folder: read in one way by every verb."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.errors import UnknownNameError
from midrib.packages.card import require_model_name
from midrib.packages.manifest import MANIFEST
from midrib.packages.reading import CARD_FILE

_RUN_FILE = "run.json"
_MOST_DIGITS = 9
"""More than any version has, less than any database refuses."""


@dataclass(frozen=True)
class FolderTarget:
    """A package on disk."""

    folder: Path


@dataclass(frozen=True)
class NameTarget:
    """A published name; without ``version`` the live one is meant."""

    name: str
    version: int | None = None


def parse_target(text: str) -> FolderTarget | NameTarget:
    """What ``text`` means. Nothing is opened, and no database asked.

    A folder is meant by a package's folder, a run's (its package) and by whatever looks like a
    path. A folder of pictures is no package: its name means the model that was trained on it.

    Raises:
        UsageError: no model can have that name.
        UnknownNameError: what stands after '@' is no version.
    """
    folder = Path(text)
    if (folder / _RUN_FILE).is_file():
        return FolderTarget(folder / "package")
    if "/" in text.rstrip("/") or any((folder / file).is_file() for file in (CARD_FILE, MANIFEST)):
        return FolderTarget(folder)
    name, asked, number = text.rstrip("/").partition("@")
    return NameTarget(require_model_name(name), _version(name, number) if asked else None)


def _version(name: str, number: str) -> int:
    if not number.isdecimal() or len(number) > _MOST_DIGITS:
        raise UnknownNameError(
            f"'{number}' is not a version of '{name}'",
            expected="a whole number",
            todo="see 'midrib models'",
        )
    return int(number)

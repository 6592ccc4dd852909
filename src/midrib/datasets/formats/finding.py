"""Pictures that a file names: found below the source, never outside it, never by guessing."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from midrib.datasets.formats.interface import SPLIT_NAMES, is_text, stays_inside
from midrib.datasets.formats.objects import Fault
from midrib.datasets.names import folded
from midrib.datasets.records import Problem, Split
from midrib.preprocessing.decoding import SUFFIXES

LOOKED_AT = 8
"""Files that tell a format of one file a picture: the first may be broken."""


class Finder:
    """Looks names up in some folders, in their order.

    Args:
        root: a resolved folder that no picture may lie outside of.
        folders: where names may be relative to; those that are not there are passed over.
    """

    def __init__(self, root: Path, folders: Iterable[Path]) -> None:
        self._root = root
        unique = dict.fromkeys(Path(os.path.normpath(folder)) for folder in folders)
        self._folders = [folder for folder in unique if folder.is_dir()]

    def find(self, name: object) -> Path:
        """The picture called ``name``. Raises ``Fault``."""
        if not isinstance(name, str) or not name.strip() or "\0" in name or not is_text(name):
            raise Fault("no picture", f"the name of its picture is {name!r:.80}")
        places = [Path(os.path.normpath(folder / name)) for folder in self._folders]
        inside = [place for place in places if place.is_relative_to(self._root)]
        if places and not inside:
            raise Fault("outside", f"the picture '{name}' leaves {self._root}")
        for place in inside:
            if _is_there(place):
                if not stays_inside(place, self._root):
                    raise Fault("outside", f"the picture '{name}' is a link that leaves the folder")
                return place
        raise Fault("missing", f"the picture '{name}' is not there{self._hint(name)}")

    def _hint(self, name: str) -> str:
        for folder in self._folders:
            if hint := near_name(folder / name):
                return hint
        return "; its path uses '\\' instead of '/'" if "\\" in name else ""


def near_name(missing: Path) -> str:
    """The file beside ``missing`` whose name differs in what some file systems overlook."""
    try:
        others = _by_folded_name(missing.parent, missing.parent.stat().st_mtime_ns)
    except OSError:
        return ""
    other = others.get(folded(missing.name), missing.name)
    if other == missing.name:
        return ""
    same = unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", missing.name)
    return f", but '{other}' is, whose name differs {'in its Unicode form' if same else 'by case'}"


@lru_cache(maxsize=8)
def _by_folded_name(folder: Path, _changed: int) -> dict[str, str]:
    """Names in a folder, which are asked for again as often as a picture is missing."""
    return {folded(path.name): path.name for path in sorted(folder.iterdir(), reverse=True)}


def pictures_below(folder: Path) -> list[Path]:
    """Every visible picture file below ``folder``, by suffix, in order; no link is followed."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(parent)
        found += [
            here / name
            for name in sorted(files)
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    return found


def files_below(folder: Path, suffix: str) -> list[Path]:
    """Every visible file below ``folder`` with ``suffix`` (lower case), in order; no pipe."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent) / name
            for name in sorted(files)
            if name.lower().endswith(suffix) and not name.startswith(".")
        ]
    return [path for path in found if not may_block(path)]


def may_block(path: Path) -> bool:
    """Whether ``path`` is a pipe, socket or device, at which a reader could wait without end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # opening it tells what is wrong
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def closed_folders(folder: Path) -> list[Problem]:
    """Visible folders below ``folder`` that may not be looked into, whatever lies in them."""
    refusals: list[OSError] = []
    for _, folders, _ in os.walk(folder, onerror=refusals.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    return [
        Problem(Path(refusal.filename), "unreadable", refusal.strerror or str(refusal))
        for refusal in refusals
    ]


def split_of(parts: Sequence[str]) -> Split | None:
    """The split that the last of ``parts`` that names one names."""
    for part in reversed(parts):
        if split := SPLIT_NAMES.get(part.lower()):
            return split
    return None


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True

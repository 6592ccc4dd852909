"""Pictures that a file names: found below the source, never outside it, never by guessing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from midrib.datasets.formats.interface import SPLIT_NAMES, is_text, stays_inside
from midrib.datasets.formats.objects import Fault
from midrib.datasets.records import Split
from midrib.preprocessing.decoding import SUFFIXES


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
        """A file whose name differs by case only, which would be another one elsewhere."""
        wanted = PurePosixPath(name).name.casefold()
        for folder in self._folders:
            place = (folder / name).parent
            if place.is_dir():
                for other in sorted(place.iterdir()):
                    if other.name.casefold() == wanted:
                        return f", but '{other.name}' is, whose name differs by case"
        return "; its path uses '\\' instead of '/'" if "\\" in name else ""


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
    """Every visible file below ``folder`` with ``suffix`` (lower case), in order."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(parent) / name
            for name in sorted(files)
            if name.lower().endswith(suffix) and not name.startswith(".")
        ]
    return found


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

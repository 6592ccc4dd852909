"""YOLO's ``data.yaml``: names of classes by their index, and pictures by split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midrib.datasets.formats.finding import pictures_below
from midrib.datasets.formats.interface import SPLIT_NAMES, is_text, stays_inside
from midrib.datasets.names import clean_label
from midrib.datasets.records import Problem, Split
from midrib.errors import DatasetError

TABLE_NAMES = ("data.yaml", "data.yml", "dataset.yaml")
CLASSES_NAME = "classes.txt"
_SUFFIXES = frozenset({".yaml", ".yml"})
_MAX_BYTES = 1 << 20  # of a list of names
_UNSPLIT = "unsplit"  # other programs pass over it
_KEYS: dict[str, Split | None] = {**SPLIT_NAMES, _UNSPLIT: None}


@dataclass(frozen=True)
class YoloTable:
    """``names`` by index, and listed pictures by split; each is in one list only."""

    path: Path
    root: Path
    names: dict[int, str]
    pictures: dict[Split | None, list[Path]]
    problems: list[Problem] = field(default_factory=list)


def find_table(source: Path) -> Path | None:
    """``data.yaml`` or another such file, else ``classes.txt`` beside ``labels``."""
    if source.is_file():
        is_table = source.suffix.lower() in _SUFFIXES and _is_table(source)
        return source if is_table else None
    for name in TABLE_NAMES:
        if _is_table(source / name):
            return source / name
    others = sorted(path for path in source.iterdir() if path.suffix.lower() in _SUFFIXES)
    if found := [path for path in others if _is_table(path)]:
        return found[0]
    for path in (source / CLASSES_NAME, source / "labels" / CLASSES_NAME):
        if path.is_file() and (source / "labels").is_dir():
            return path
    return None


def read_table(path: Path, source: Path) -> YoloTable:
    """Read ``data.yaml``, or ``classes.txt`` with every picture below ``source``.

    Raises ``DatasetError`` where it names no classes.
    """
    root = (source if source.is_dir() else source.parent).resolve()
    if path.name == CLASSES_NAME:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").rstrip().split("\n")
        return YoloTable(path, root, _names(path, lines), {None: pictures_below(root)})
    fields = _parsed(path)
    problems: list[Problem] = []
    listed = _listed(path, root, fields, problems)
    return YoloTable(path, root, _names(path, fields.get("names")), listed, problems)


def write_table(path: Path, folders: dict[Split | None, str], labels: Sequence[str]) -> None:
    """Write the folder of each split and the names of the classes."""
    import yaml

    keys = {"train": "train", "validation": "val", "test": "test", None: _UNSPLIT}
    fields = {
        "path": ".",
        **{keys[split]: folder for split, folder in folders.items()},
        "names": dict(enumerate(labels)),
    }
    path.write_text(yaml.safe_dump(fields, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _is_table(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.name in TABLE_NAMES:
        return True
    try:
        fields = _parsed(path)
    except (DatasetError, OSError):
        return False
    return "names" in fields and bool(_KEYS.keys() & fields.keys())


def _parsed(path: Path) -> dict[str, Any]:
    import yaml

    if path.stat().st_size > _MAX_BYTES:
        raise _refusal(path, "it is too large to be a list of classes and folders")
    try:
        fields = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise _refusal(path, f"it is not valid YAML{line}") from None
    if not isinstance(fields, dict):
        raise _refusal(path, "it has no names and values")
    return fields


def _names(path: Path, given: object) -> dict[int, str]:
    """Names by index; as a list, or by number."""
    if isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, list):
        pairs = list(enumerate(given))
    else:
        raise _refusal(path, "it names no classes")
    names = {}
    for index, name in pairs:
        label = clean_label(name)
        if not label or isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise _refusal(path, f"class {index!r} is called {name!r:.60}")
        names[index] = label
    return names


def _listed(
    path: Path, root: Path, fields: dict[str, Any], problems: list[Problem]
) -> dict[Split | None, list[Path]]:
    bases = [path.parent.resolve(), root]
    if isinstance(given := fields.get("path"), str) and given and is_text(given):
        bases.insert(0, path.parent.resolve() / given)
    found: dict[Split | None, list[Path]] = {}
    taken: set[Path] = set()
    for key, split in _KEYS.items():
        for each in _as_list(fields.get(key)):
            pictures = _pictures(each, bases, root, Problems(path, key, problems))
            twice = [picture for picture in pictures if picture in taken]
            if twice:
                told = f"{key} lists pictures ({len(twice):,}) that another split lists too"
                problems.append(Problem(path, "duplicate id", f"{told}, such as {twice[0].name}"))
            found.setdefault(split, []).extend(p for p in pictures if p not in taken)
            taken.update(pictures)
    return found


@dataclass(frozen=True)
class Problems:
    """Where problems of one list go."""

    path: Path
    key: str
    found: list[Problem]

    def add(self, kind: str, reason: str) -> None:
        self.found.append(Problem(self.path, kind, f"{self.key}: {reason}"))


def _as_list(given: object) -> list[object]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def _pictures(given: object, bases: list[Path], root: Path, problems: Problems) -> list[Path]:
    """The pictures of a folder, or of a text file with one path a line."""
    if not isinstance(given, str) or "\0" in given or not is_text(given):
        problems.add("missing", f"{given!r:.60} is no folder")
        return []
    # Roboflow writes '../train/images' for what lies beside the file.
    for name in (given, given.removeprefix("../")):
        for base in bases:
            place = base / name
            if place.exists() and stays_inside(place, root):
                return _from_list(place, root, problems) if place.is_file() else _below(place, root)
    problems.add("missing", f"'{given}' is not there, or leaves {root}")
    return []


def _below(folder: Path, root: Path) -> list[Path]:
    return [path for path in pictures_below(folder.resolve()) if stays_inside(path, root)]


def _from_list(path: Path, root: Path, problems: Problems) -> list[Path]:
    found = []
    lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            continue
        place = next((p for p in (path.parent / name, root / name) if p.is_file()), None)
        if place is None or not stays_inside(place, root):
            told = f"{path.name}, line {number}: '{name:.80}' is not there, or leaves {root}"
            problems.add("missing", told)
        else:
            found.append(place.resolve())
    return list(dict.fromkeys(found))


def _refusal(path: Path, came: str) -> DatasetError:
    return DatasetError(
        f"{path}: {came}",
        expected="names of classes, and folders of pictures as train, val and test",
        todo="mend that file",
    )

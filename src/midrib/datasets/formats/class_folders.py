"""Class folders, alone or below folders that name the splits."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from midrib.datasets.formats.broken_tables import broken_tables
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    SPLIT_NAMES,
    Certainty,
    Entry,
    Format,
    Listing,
    is_text,
    stays_inside,
)
from midrib.datasets.formats.placing import Placer
from midrib.datasets.records import SPLITS, Dataset, Problem, Split
from midrib.errors import DatasetError
from midrib.preprocessing.decoding import SUFFIXES
from midrib.printable import printable

# File managers leave these in every folder that they show.
_DROPPINGS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})
_LONGEST_NAME_BYTES = 255


@DATASET_FORMATS.register("class-folders")
class ClassFolders(Format):
    """One folder a class; its name is the label, pictures lie in it at any depth."""

    holds = Holds(labels="one", unlabelled=False, classes=False)

    def detect(self, source: Path) -> Certainty:
        return Certainty.SHAPE if source.is_dir() else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        listing = _list_classes(source, source, split=None)
        if not listing.labels:
            raise _no_classes(source, listing.problems)
        return listing

    def write(self, dataset: Dataset, placer: Placer) -> None:
        _require_folder_names(dataset)
        for item in dataset.items:
            placer.put(item, item.label)


@DATASET_FORMATS.register("split-folders")
class SplitFolders(Format):
    """Class folders below ``train`` and at least one of ``validation`` and ``test``."""

    holds = Holds(labels="one", unlabelled=False, splits=True, unsplit=False, classes=False)

    def detect(self, source: Path) -> Certainty:
        folders = _visible_folders(source) if source.is_dir() else []
        names = {folder.name.lower() for folder in folders}
        # A class may be called 'train' too: only splits and nothing else means splits.
        if "train" in names and len(names) > 1 and names <= SPLIT_NAMES.keys():
            return Certainty.NAMES
        return Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        found = [
            _list_classes(folder, source, split=SPLIT_NAMES[folder.name.lower()])
            for folder in _visible_folders(source)
        ]
        problems = tuple(problem for listing in found for problem in listing.problems)
        labels = frozenset(label for listing in found for label in listing.labels)
        if not labels:
            raise _no_classes(source, problems)
        return Listing(
            entries=tuple(entry for listing in found for entry in listing.entries),
            labels=labels,
            problems=problems,
        )

    def write(self, dataset: Dataset, placer: Placer) -> None:
        _require_folder_names(dataset)
        for split in SPLITS:  # the folders of all three are what it is known by
            (placer.folder / split).mkdir(parents=True, exist_ok=True)
        for item in dataset.items:
            placer.put(item, f"{item.split}/{item.label}")


def _require_folder_names(dataset: Dataset) -> None:
    """Refuse classes that no folder can be called after, or that some systems confuse."""
    seen: dict[str, str] = {}
    for label in sorted({item.label for item in dataset.items}):
        twin = seen.setdefault(label.casefold(), label)
        if "/" in label or label.startswith(".") or len(label.encode()) > _LONGEST_NAME_BYTES:
            raise _unfit(label, "cannot be the name of a folder")
        if twin != label:
            raise _unfit(label, f"differs from '{twin}' by case only")


def _unfit(label: str, why: str) -> DatasetError:
    return DatasetError(
        f"class '{label}' {why}",
        expected="classes whose names can be folders",
        todo="rename the class, or choose another format",
    )


def _list_classes(folder: Path, root: Path, *, split: Split | None) -> Listing:
    """Class folders directly below ``folder``; pictures beside them have no class."""
    entries: list[Entry] = []
    problems = [*map(_without_class, _loose_pictures(folder)), *broken_tables(folder)]
    labels = set()
    for class_folder in _visible_folders(folder):
        if printable(class_folder.name) != class_folder.name or class_folder.is_symlink():
            problems.append(_left_out_folder(class_folder))
            continue
        label = unicodedata.normalize("NFC", class_folder.name)
        labels.add(label)
        for found in _walk(class_folder, root):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                entries.append(Entry(found, (label,), split))
    return Listing(tuple(entries), frozenset(labels), tuple(problems))


def _walk(folder: Path, root: Path) -> Iterator[Path | Problem]:
    """Every visible file below ``folder`` in order of its name, or why it is left out."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(parent)
        yield from (_left_out_folder(here / name) for name in folders if (here / name).is_symlink())
        for name in sorted(files):
            if not name.startswith(".") and name.lower() not in _DROPPINGS:
                yield _accepted(here / name, root)


def _accepted(path: Path, root: Path) -> Path | Problem:
    if not is_text(path.name):
        return Problem(path, "bad name", "its name is no text that can be shown; rename it")
    if path.is_symlink() and not stays_inside(path, root):
        return Problem(path, "outside", "it is a link that leaves the folder; copy the file itself")
    return path


def _left_out_folder(folder: Path) -> Problem:
    if folder.is_symlink():
        return Problem(folder, "outside", "links to folders are not followed; copy the folder")
    return Problem(folder, "bad name", "its name is no text that can be shown; rename it")


def _without_class(path: Path) -> Problem:
    return Problem(path, "no class", "it lies beside the class folders; move it into one of them")


def _visible_folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _loose_pictures(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )


def _no_classes(source: Path, problems: Sequence[Problem]) -> DatasetError:
    expected = "one folder a class with its pictures, or a labels.csv with path and label"
    broken = [each for each in problems if each.kind in {"broken file", "unreadable"}]
    if broken:
        return DatasetError(
            f"{broken[0].path}: {broken[0].reason}",
            expected=f"a whole file, or {expected}",
            todo="mend or restore that file",
        )
    if problems:
        return DatasetError(
            f"{source} holds pictures ({len(problems):,}) but no class folders",
            expected=expected,
            todo=f"sort the pictures into folders such as {source.name}/cat and {source.name}/dog",
        )
    others = sorted(path.name for path in source.iterdir() if not path.name.startswith("."))
    return DatasetError(
        f"{source} holds neither pictures nor class folders, only {others[0]}"
        if others
        else f"{source} is empty",
        expected=expected,
        todo="put the pictures there, or check the path",
    )

"""YOLO, as Ultralytics lays it out: one text file a picture, coordinates as shares of its size."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from midrib.datasets.annotations import Annotation
from midrib.datasets.formats.finding import files_below, may_block
from midrib.datasets.formats.holding import Holds
from midrib.datasets.formats.interface import (
    DATASET_FORMATS,
    Certainty,
    Entry,
    Format,
    Listing,
)
from midrib.datasets.formats.objects import (
    Fault,
    annotation,
    from_centre,
    numbers,
    polygon,
    unreadable,
    whole,
)
from midrib.datasets.formats.placing import Placer
from midrib.datasets.formats.sizes import upright_size
from midrib.datasets.formats.yolo_table import (
    CLASSES_NAME,
    TABLE_NAMES,
    YoloTable,
    find_table,
    read_table,
    write_table,
)
from midrib.datasets.records import SPLITS, Dataset, Item, Problem, Split
from midrib.errors import DatasetError

_IMAGES, _LABELS = "images", "labels"
_DECIMALS = 12  # of a share: less than a ten-millionth of a pixel in the largest picture
_FOLDERS: dict[Split | None, str] = {
    "train": "train",
    "validation": "val",
    "test": "test",
    None: "unsplit",
}
_BOX_NUMBERS = 5
_LEAST_OUTLINE_NUMBERS = 7
_MAX_BYTES = 1 << 28


@DATASET_FORMATS.register("yolo")
class Yolo(Format):
    """``data.yaml``, pictures below ``images``, and text files below ``labels`` beside it."""

    holds = Holds(boxes=True, polygons="one", splits=True)

    def detect(self, source: Path) -> Certainty:
        return Certainty.INDEX if find_table(source) else Certainty.NONE

    def list_pictures(self, source: Path) -> Listing:
        path = find_table(source)
        if path is None:
            raise DatasetError(
                f"{source} holds no data.yaml",
                expected="a file with the names of the classes and the folders of the splits",
                todo="write one, or check the path",
            )
        table = read_table(path, source)
        problems = list(table.problems)
        found = [
            _entry(picture, split, table, problems)
            for split, pictures in table.pictures.items()
            for picture in pictures
        ]
        entries = tuple(entry for entry in found if entry)
        listed = [picture for pictures in table.pictures.values() for picture in pictures]
        problems += _orphans(table.root, listed)
        return Listing(entries, frozenset(table.names.values()), tuple(problems))

    def write(self, dataset: Dataset, placer: Placer) -> None:
        indices = {label: index for index, label in enumerate(dataset.labels)}
        for item in dataset.items:
            path = placer.put(item, f"{_IMAGES}/{_FOLDERS[item.split]}")
            target = _text_of(placer.folder / path, placer.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("".join(_lines(item, indices)), encoding="ascii")
        used = {item.split for item in dataset.items}
        folders = {each: f"{_IMAGES}/{_FOLDERS[each]}" for each in (*SPLITS, None) if each in used}
        write_table(placer.folder / TABLE_NAMES[0], folders, dataset.labels)


def _text_of(picture: Path, root: Path) -> Path:
    """The text file of a picture: below ``labels`` instead of the last ``images``, or beside."""
    parts = list(picture.relative_to(root).parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == _IMAGES:
            parts[index] = _LABELS
            break
    return root.joinpath(*parts).with_suffix(".txt")


def _entry(
    picture: Path, split: Split | None, table: YoloTable, problems: list[Problem]
) -> Entry | None:
    """A picture and its objects; without a text file it has none, as YOLO has it."""
    text = _text_of(picture, table.root)
    try:
        width, height = upright_size(picture)
    except Fault as fault:
        problems.append(fault.at(picture, ""))
        return None
    objects = []
    try:
        for number, line in _numbered(text):
            try:
                objects.append(_object(line.split(), (width, height), table.names))
            except Fault as fault:
                problems.append(fault.at(text, f"line {number}"))
    except Fault as fault:
        problems.append(fault.at(text, ""))
        return None
    return Entry(picture, (), split, tuple(objects), width=width, height=height)


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with something in them."""
    if not os.path.lexists(path):
        return
    if may_block(path):
        raise Fault("broken file", "it is no regular file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise Fault("broken file", "it is too large for the objects of one picture")
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise Fault("broken file", "it is no text") from None
    except OSError as problem:
        raise unreadable(problem) from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def _object(fields: list[str], size: tuple[int, int], names: dict[int, str]) -> Annotation:
    index = whole(fields[0], "the class")
    if index not in names:
        raise Fault("unknown class", f"class {index} has no name in the list of classes")
    width, height = size
    shares = numbers(fields[1:], "the coordinates")
    scaled = [share * (height if odd % 2 else width) for odd, share in enumerate(shares)]
    if len(fields) == _BOX_NUMBERS:
        cx, cy, across, down = scaled
        return annotation(names[index], size, xyxy=from_centre(cx, cy, across, down))
    if len(fields) >= _LEAST_OUTLINE_NUMBERS and len(fields) % 2:
        return annotation(names[index], size, polygons=[polygon(scaled)])
    raise Fault(
        "not a number",
        f"{len(fields)} numbers are neither a class and a box (5) nor an outline (7, 9, …)",
    )


def _orphans(root: Path, pictures: Iterable[Path]) -> Iterator[Problem]:
    """Text files where pictures have theirs, but without a picture."""
    expected = {_text_of(picture, root) for picture in pictures}
    folders = {path.parent for path in expected if _LABELS in path.relative_to(root).parts}
    for folder in sorted(folders):
        for path in files_below(folder, ".txt"):
            if path.parent == folder and path not in expected and path.name != CLASSES_NAME:
                yield Problem(path, "missing", "no picture is called like it")


def _lines(item: Item, indices: dict[str, int]) -> Iterator[str]:
    for each in item.annotations:
        if each.polygons:
            values = _shares(each.polygons[0], item)
        else:
            left, top, right, bottom = each.xyxy
            centre = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
            values = _shares(centre, item)
        yield " ".join([str(indices[each.label]), *values]) + "\n"


def _shares(values: Iterable[float], item: Item) -> list[str]:
    sides = (item.width, item.height)
    return [_decimal(value / sides[odd % 2]) for odd, value in enumerate(values)]


def _decimal(share: float) -> str:
    text = f"{share:.{_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text

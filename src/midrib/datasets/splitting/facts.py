"""What a picture's path and EXIF say of where it belongs: its group, its time, its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from PIL import Image

from midrib.datasets.measures import Exif, read_exif
from midrib.datasets.records import Dataset, Item
from midrib.datasets.splitting.config import SplitConfig
from midrib.errors import DatasetError
from midrib.preprocessing.decoding import FORMATS

_LETTERS_OF_A_DAY = len("2024-05-06")


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a big picture: which one, where it begins, and its own size in pixels.

    ``x`` and ``y`` count tiles, or are pixels.
    """

    scene: str
    x: int
    y: int
    width: int
    height: int


def groups_of(dataset: Dataset, config: SplitConfig) -> dict[Path, list[str]]:
    """Names of the groups that each picture is in; pictures without any are left out.

    Raises ``DatasetError`` where what ``config.groups`` asks for is said of no picture.
    """
    found = {item.path: [f"column {item.group}"] for item in dataset.items if item.group}
    if not config.groups:
        return found
    read = _group_reader(dataset, config.groups)
    asked = {item.path: name for item in dataset.items if (name := read(item))}
    if not asked:
        raise _nothing(dataset, "group", config.groups)
    for path, name in asked.items():
        found.setdefault(path, []).append(f"asked {name}")
    return found


def times_of(dataset: Dataset, config: SplitConfig) -> dict[str, float]:
    """When each picture was taken, by SHA-256; of copies the earliest counts.

    Raises ``DatasetError`` where a picture does not say.
    """
    times: dict[str, float] = {}
    for item in dataset.items:
        time = _time(dataset, item, config.times)
        if time is None:
            raise DatasetError(
                f"{item.path} does not say when it was taken",
                expected=f"a time from {config.times!r}",
                todo="choose where times are told with --times, or split otherwise",
            )
        times[item.sha256] = min(time, times.get(item.sha256, time))
    return times


def tiles_of(dataset: Dataset, config: SplitConfig) -> dict[str, Tile]:
    """Which part of which big picture each picture is, by SHA-256.

    Raises ``DatasetError`` where a path does not say.
    """
    pattern = re.compile(config.places)
    groups = groups_of(dataset, config)
    tiles: dict[str, Tile] = {}
    for item in dataset.items:
        match = pattern.search(_below(dataset, item.path))
        if match is None or not all(_is_whole(match[axis]) for axis in "xy"):
            raise DatasetError(
                f"{item.path} does not say which tile it is",
                expected=f"whole numbers x and y from {config.places!r}",
                todo="mend the expression of --places",
            )
        own = match["group"] if "group" in pattern.groupindex else ""
        whole = " ".join([*groups.get(item.path, []), own or ""])
        size = (item.width or 1, item.height or 1)
        tiles[item.sha256] = Tile(whole, int(match["x"]), int(match["y"]), *size)
    return tiles


def _group_reader(dataset: Dataset, groups: str) -> Callable[[Item], str]:
    if groups == "exif:camera":
        return lambda item: _exif(item).camera
    if groups == "exif:day":
        return lambda item: _exif(item).taken[:_LETTERS_OF_A_DAY]
    pattern = re.compile(groups)

    def from_path(item: Item) -> str:
        match = pattern.search(_below(dataset, item.path))
        return (match["group"] or "") if match else ""

    return from_path


def _time(dataset: Dataset, item: Item, times: str) -> float | None:
    if times == "file":
        return item.path.stat().st_mtime
    if times == "exif":
        exif = _exif(item)
        told = exif.taken or exif.changed
        return _of_iso(told) if told else None
    match = re.search(times, _below(dataset, item.path))
    return _parsed(match["time"]) if match and match["time"] else None


def _parsed(text: str) -> float | None:
    """A number as it is, or a date in seconds; without a zone it is taken for UTC.

    Numbers come first: of dates written without dashes the order is that of the numbers.
    """
    for read in (float, _of_iso):
        try:
            time = read(text)
        except ValueError:
            continue
        if isfinite(time):
            return time
    return None


def _of_iso(text: str) -> float:
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _exif(item: Item) -> Exif:
    """What the picture's file tells; a file that cannot be read tells nothing."""
    try:
        with Image.open(item.path, formats=FORMATS) as image:
            return read_exif(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Exif()


def _below(dataset: Dataset, path: Path) -> str:
    root = dataset.source if dataset.source.is_dir() else dataset.source.parent
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _is_whole(text: str | None) -> bool:
    return bool(text) and re.fullmatch(r"[+-]?\d+", text or "") is not None


def _nothing(dataset: Dataset, what: str, asked: str) -> DatasetError:
    return DatasetError(
        f"{asked!r} finds a {what} in no picture of {dataset.source}",
        expected=f"a {what} for at least some",
        todo="mend the expression: it is searched in the path below the source",
    )

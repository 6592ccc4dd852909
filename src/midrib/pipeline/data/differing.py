"""What changed between two versions of data, whatever they are named by."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets.index import (
    Change,
    compared,
    find_version,
    is_index,
    read_description,
    write_index,
)
from midrib.datasets.sources.protocols import is_url
from midrib.errors import DatasetError, UnknownNameError
from midrib.packages.reading import CARD_FILE
from midrib.pipeline.data.reading import read
from midrib.pipeline.data.versions import DIGITS, as_split_before, data_version_of_run
from midrib.pipeline.targets import open_target
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

_SHOWN = 3


@dataclass(frozen=True)
class Side:
    """One of two that are compared."""

    named: str
    version: str
    pictures: int

    def as_record(self) -> dict[str, object]:
        return {"named": self.named, "version": self.version, "pictures": self.pictures}


@dataclass(frozen=True)
class DataDifference:
    """What tells two versions apart.

    ``counts``: pictures by kind of change and, the most frequent first, by what it was, as
    'train → test'. ``changes``: all of them, or the first of each kind.
    """

    before: Side
    after: Side
    counts: dict[str, dict[str, int]]
    changes: tuple[Change, ...]

    def as_record(self) -> dict[str, object]:
        return {
            "before": self.before.as_record(),
            "after": self.after.as_record(),
            "counts": {kind: sum(parts.values()) for kind, parts in self.counts.items()},
            "parts": self.counts,
            "changes": [change.as_record() for change in self.changes],
        }

    def lines(self) -> list[str]:
        sides = [
            f"{word:<7} {side.version[:DIGITS]}  {side.pictures:,} pictures  {side.named}"
            for word, side in (("before", self.before), ("after", self.after))
        ]
        changes = [self._line(kind, parts) for kind, parts in self.counts.items() if parts]
        return [*sides, *(changes or ["the same contents, labels, annotations and splits"])]

    def _line(self, kind: str, parts: dict[str, int]) -> str:
        shown = ", ".join(f"{part} {pictures:,}" for part, pictures in parts.items() if part)
        paths = [change.path for change in self.changes if change.kind == kind][:_SHOWN]
        total = sum(parts.values())
        more = " …" if total > len(paths) else ""
        return f"{kind}: {total:,}{f' ({shown})' if shown else ''}: {', '.join(paths)}{more}"


def diff_data(
    before: str | Path,
    after: str | Path,
    *,
    most: int | None = None,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> DataDifference:
    """Tell what was added, removed, relabelled, annotated anew, moved between splits or copied.

    Pictures are the same where their files are, byte for byte. Each side is a source, an index's
    folder, a version that is kept (four of its digits or more), a run's folder or name, a
    package's folder, or a published model (NAME or NAME@VERSION); the last three mean the data
    that was learnt from.

    Args:
        before: what was.
        after: what is.
        most: changes of each kind that are listed; None lists all.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: a side cannot be read, or the data of a model is not kept here.
        UnknownNameError: nothing is called so.
    """
    settings = settings or Settings()
    with ExitStack() as stack:
        folders = [
            stack.enter_context(_index_of(str(side), settings, reporter))
            for side in (before, after)
        ]
        comparison = stack.enter_context(compared(*folders))
        sides = [_side(str(n), folder) for n, folder in zip((before, after), folders, strict=True)]
        counts = {str(kind): parts for kind, parts in comparison.counts().items()}
        changes = tuple(comparison.changes(most_of_a_kind=most))
    return DataDifference(sides[0], sides[1], counts, changes)


def _side(named: str, folder: Path) -> Side:
    told = read_description(folder)
    return Side(named, told.version, sum(told.pictures.values()))


@contextmanager
def _index_of(named: str, settings: Settings, reporter: Reporter) -> Iterator[Path]:
    """The folder of an index of what is meant; that of a source lasts as long as it is asked."""
    path = Path(named).expanduser()
    learnt = None if is_url(named) else _version_of_model(named, settings)
    if learnt:
        yield _kept(named, learnt, settings)
    elif is_index(path):
        yield path
    elif is_url(named) or path.exists() or "/" in named:
        with _index_of_source(named, settings, reporter) as folder:
            yield folder
    else:
        yield find_version(settings.datasets, named) or _learnt_by(named, settings)


@contextmanager
def _index_of_source(source: str, settings: Settings, reporter: Reporter) -> Iterator[Path]:
    found = read(source, strict=False, needs="pictures", settings=settings, reporter=reporter)
    with tempfile.TemporaryDirectory(prefix="midrib-index-") as aside:
        folder = Path(aside) / "index"
        write_index(folder, as_split_before(found, source, settings), mapped=False)
        yield folder


def _version_of_model(named: str, settings: Settings) -> str | None:
    """The version of the data that a run (a folder or its name) or package was made from."""
    folder = Path(named).expanduser()
    if (folder / CARD_FILE).is_file():
        return open_target(named, settings).card.data_version
    runs = [folder] if "/" in named else [folder, settings.runs / named]
    return next(filter(None, map(data_version_of_run, runs)), None)


def _learnt_by(named: str, settings: Settings) -> Path:
    """The index of the data that a published model was made from."""
    try:
        version = open_target(named, settings).card.data_version
    except UnknownNameError:
        raise UnknownNameError(
            f"'{named}' names no data",
            expected="a folder, archive, index, version, run or model",
            todo="see 'midrib data versions' and 'midrib models', or check the path",
        ) from None
    return _kept(named, version, settings)


def _kept(named: str, version: str, settings: Settings) -> Path:
    folder = find_version(settings.datasets, version)
    if folder is None:
        raise DatasetError(
            f"the data of {named}, version {version[:DIGITS]}, is not kept in this home",
            expected="a model that was trained here",
            todo="copy the version's folder from the home that trained it",
        )
    return folder

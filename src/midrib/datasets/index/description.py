"""The small JSON of an index: what it is of, what was counted, what was left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from midrib.datasets.records import Dataset, Problem, Summary, Task
from midrib.errors import DatasetError, StorageError
from midrib.storage import read_json, write_json

DESCRIPTION = "index.json"
TABLE = "index.parquet"
ROWS = "rows.arrow"
SCHEMA_VERSION: Literal[1] = 1


class LeftOut(BaseModel):
    """A file that was left out. ``path`` is relative to the source's folder where it can be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    kind: str
    reason: str


class Description(BaseModel):
    """What an index is of. See `Dataset` and `Summary` for what its fields mean.

    ``source`` is relative to the index where both move together, else absolute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    source: str
    named: str
    format: str
    task: Task
    version: str
    labels: list[str]
    pictures: dict[str, int]
    counts: dict[str, dict[str, int]]
    problems: list[LeftOut]

    @property
    def summary(self) -> Summary:
        """What was counted of the items."""
        return Summary(self.version, self.task, self.pictures, self.counts)

    def save(self, folder: Path) -> None:
        """Write it into the folder of the index."""
        write_json(folder / DESCRIPTION, self.model_dump(mode="json"))


def describe(folder: Path, told: Dataset, summary: Summary) -> Description:
    """The description of an index in ``folder`` of what ``told`` tells besides its items."""
    root = root_of(told.source)
    named = {label for labels in summary.counts.values() for label in labels}
    return Description(
        source=_told_source(told.source, folder),
        named=told.named,
        format=told.format,
        task=summary.task,
        version=summary.version,
        labels=sorted(named.union(told.labels)),
        pictures=summary.pictures,
        counts=summary.counts,
        problems=[_left_out(problem, root) for problem in told.problems],
    )


def read_description(folder: Path) -> Description:
    """What the index in ``folder`` says of itself. Raises ``DatasetError``."""
    try:
        return Description.model_validate(read_json(folder / DESCRIPTION))
    except ValidationError as problem:
        fault = problem.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        came = f"{folder / DESCRIPTION}: {place} is {fault['input']!r}"
    except StorageError as problem:
        came = problem.came
    raise DatasetError(
        came[:500],
        expected=f"an index of schema version {SCHEMA_VERSION}",
        todo="write it again with 'midrib data index', or use the midrib that wrote it",
    )


def is_index(path: Path) -> bool:
    """Whether ``path`` is the folder of an index."""
    return (path / DESCRIPTION).is_file() and (path / TABLE).is_file()


def source_of(folder: Path, description: Description) -> Path:
    """Where the pictures of the index in ``folder`` are, absolute."""
    return Path(os.path.normpath(folder.absolute() / description.source))


def root_of(source: Path) -> Path:
    """The folder that paths in an index are relative to: the source, or the one it lies in."""
    return source.parent if source.suffix and not source.is_dir() else source


def problems_of(description: Description, root: Path) -> Sequence[Problem]:
    """What was left out when the index was written."""
    return [Problem(root / each.path, each.kind, each.reason) for each in description.problems]


def _told_source(source: Path, folder: Path) -> str:
    beside, folder = source.parent, folder.absolute()
    if folder.is_relative_to(source) or folder.parent == beside:
        return Path(os.path.relpath(source, folder)).as_posix()
    return str(source)


def _left_out(problem: Problem, root: Path) -> LeftOut:
    below = problem.path.is_relative_to(root)
    path = problem.path.relative_to(root) if below else problem.path
    # Names that are no text are a kind of problem, and JSON takes text only.
    shown = path.as_posix().encode("utf-8", "backslashreplace").decode()
    return LeftOut(path=shown, kind=problem.kind, reason=problem.reason)

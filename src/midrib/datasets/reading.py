"""A folder or a label table to a dataset in which every picture is known to be whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from midrib.datasets.formats import DATASET_FORMATS, Listing, detect_format
from midrib.datasets.formats.finding import closed_folders
from midrib.datasets.index import inspect_changed, is_index, open_index, require_unchanged
from midrib.datasets.inspection import Progress
from midrib.datasets.records import Dataset, Item, Problem
from midrib.datasets.sufficiency import lacks
from midrib.errors import DatasetError

Needs = Literal["nothing", "pictures", "classes"]
"""What a reader of a dataset cannot do without."""

_SHOWN = 3


def read_dataset(
    source: Path,
    *,
    strict: bool = False,
    form: str | None = None,
    known_files: Path | None = None,
    fresh: bool = False,
    needs: Needs = "classes",
    progress: Progress | None = None,
) -> Dataset:
    """Read labelled pictures and open each one that is not known, or open an index of them.

    ``source`` is a folder or a file in one of ``DATASET_FORMATS`` (docs/formats.md). Hidden files
    are ignored, links are not followed out of the folder.

    Args:
        source: where the pictures are.
        strict: refuse the whole when any file cannot be used; otherwise such files are left
            out and named in ``problems``.
        form: the name of its format; None takes the one that it shows most plainly.
        known_files: a database of what was found of files before; those that have not changed
            since are not opened again. None opens all.
        fresh: open those too.
        needs: what has to be there: 'classes' with enough pictures to learn from; 'pictures', one
            at least; 'nothing', so that faults can be told of what cannot be used at all.
        progress: called with pictures done and pictures there are.

    Raises:
        DatasetError: what it ``needs`` is not there, or with ``strict`` anything is wrong.
    """
    source = _existing(source)
    if is_index(source):
        return _indexed(source, strict=strict, fresh=fresh, progress=progress)
    name, listing = _list(source, form)
    items, problems = inspect_changed(listing.entries, known_files, fresh=fresh, progress=progress)
    problems = [*listing.problems, *problems]
    if strict and problems:
        raise _refusal(source, problems)
    if needs != "nothing" or not problems:
        _require_pictures(source, items, problems)
    if needs == "classes":
        _require_classes(source, listing, items)
    return Dataset(
        source=source,
        items=tuple(items),
        labels=tuple(sorted(listing.labels)),
        problems=tuple(problems),
        format=name,
    )


def _indexed(folder: Path, *, strict: bool, fresh: bool, progress: Progress | None) -> Dataset:
    dataset = open_index(folder)
    require_unchanged(dataset, hashed=fresh, progress=progress)
    if strict and dataset.problems:
        raise _refusal(dataset.source, dataset.problems)
    return dataset


def _existing(source: Path) -> Path:
    source = source.expanduser()
    if not source.exists():
        raise DatasetError(
            f"{source} does not exist",
            expected="a folder of class folders, or a .csv or .jsonl file with path and label",
            todo="check the path",
        )
    return source.resolve()


def _list(source: Path, form: str | None) -> tuple[str, Listing]:
    """The name of the source's format, and what it tells."""
    try:
        name = form or detect_format(source)
        listing = DATASET_FORMATS.get(name)().list_pictures(source)
        closed = closed_folders(source) if source.is_dir() else []
        return name, replace(listing, problems=(*listing.problems, *closed))
    except OSError as problem:
        raise DatasetError(
            f"{source} cannot be read: {problem}",
            expected="a folder or file that you may read",
            todo="check its permissions",
        ) from None


def _refusal(source: Path, problems: Sequence[Problem]) -> DatasetError:
    return DatasetError(
        f"{source} holds files that cannot be used ({len(problems):,}): {_first(problems)}",
        expected="none, since strict reading was asked for",
        todo="mend or remove them, or read without strict to leave them out",
    )


def _first(problems: Sequence[Problem]) -> str:
    shown = [f"{p.path.name} ({p.kind}: {p.reason})" for p in problems[:_SHOWN]]
    return ", ".join(shown) + (" …" if len(problems) > _SHOWN else "")


def _require_pictures(source: Path, items: Sequence[Item], problems: Sequence[Problem]) -> None:
    if not items:
        why = f": {_first(problems)}" if problems else ""
        raise DatasetError(
            f"{source} holds no picture that can be used{why}",
            expected="JPEG, PNG, WebP, BMP or TIFF files",
            todo="put pictures there, or check the path",
        )


def _require_classes(source: Path, listing: Listing, items: Sequence[Item]) -> None:
    for lack in lacks(listing.labels, items):
        raise DatasetError(f"{source}: {lack.came}", expected=lack.expected, todo=lack.todo)

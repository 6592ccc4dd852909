"""Read pictures under a progress bar; where what is known of a source is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from midrib.config import fingerprint
from midrib.datasets import Dataset, open_source, place_of, read_dataset, source_name
from midrib.datasets.reading import Needs
from midrib.datasets.sources import Source
from midrib.errors import DatasetError
from midrib.reporting import Reporter
from midrib.settings import Settings


def read(
    source: str | Path,
    *,
    strict: bool,
    reporter: Reporter,
    settings: Settings | None = None,
    fresh: bool = False,
    needs: Needs = "classes",
    form: str | None = None,
) -> Dataset:
    """Open a folder, table, archive, URL or index, and read its pictures under a progress bar.

    Files that have not changed since they were last read are opened again only if ``fresh``; of an
    index, only then is every file's hash compared. What it ``needs`` is told at
    `read_dataset`. ``form`` forces a format.

    Raises ``DatasetError`` for data that cannot be used, ``StorageError`` for what is elsewhere
    and cannot be had.
    """
    settings = settings or Settings()
    opened = open_source(source, settings, reporter=reporter)
    with _named(opened), reporter.bar("read pictures") as advance:
        dataset = read_dataset(
            opened.path,
            strict=strict,
            form=form,
            known_files=kept_of(source, settings) / "known-files.db",
            fresh=fresh,
            needs=needs,
            progress=lambda done, total: advance(done, total, ""),
        )
    return replace(dataset, named=opened.named) if opened.is_copy else dataset


@contextmanager
def _named(opened: Source) -> Iterator[None]:
    """Let errors speak of what the user named, not of its copy in the home folder."""
    try:
        yield
    except DatasetError as problem:
        if not opened.is_copy:
            raise
        came = problem.came.replace(str(opened.path), opened.named)
        raise DatasetError(came, expected=problem.expected, todo=problem.todo) from None


def splits_table(source: str | Path, settings: Settings) -> Path:
    """Where the splits of ``source`` are remembered."""
    return kept_of(source, settings) / "splits.csv"


def kept_of(source: str | Path, settings: Settings) -> Path:
    """The folder for what is kept of ``source``: its splits, its versions, its known files."""
    place = fingerprint(place_of(source))[:12]
    return settings.datasets / f"{slug(source)}-{place}"


def slug(source: str | Path) -> str:
    """A model name from what a folder, table, archive or bucket is called."""
    return source_name(source)

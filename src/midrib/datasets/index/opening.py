"""Open an index: its description is read, its rows when they are asked for."""

from __future__ import annotations

from pathlib import Path

from midrib.datasets.index.description import problems_of, read_description, root_of, source_of
from midrib.datasets.index.kept_rows import IndexItems
from midrib.datasets.index.schema import row_schema
from midrib.datasets.records import Dataset


def open_index(folder: Path) -> Dataset:
    """The dataset that the index in ``folder`` holds; no picture is opened.

    Raises:
        DatasetError: it is no index, or one of another schema version.
        MissingExtraError: pyarrow is not installed.
    """
    row_schema()
    folder = folder.expanduser().resolve()
    description = read_description(folder)
    source = source_of(folder, description)
    root = root_of(source)
    return Dataset(
        source=source,
        items=IndexItems(folder, root, description.summary),
        labels=tuple(description.labels),
        problems=tuple(problems_of(description, root)),
        format=description.format,
        named=description.named,
    )

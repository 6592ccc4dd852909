"""A dataset on disk: one row a picture in a Parquet table, beside or away from the pictures.

write_index ─▶ index.parquet, index.json ─▶ open_index     rows are read when asked for
"""

from midrib.datasets.index.checking import require_unchanged
from midrib.datasets.index.comparing import CHANGES, Change, Comparison, Copy, compared
from midrib.datasets.index.description import Description, is_index, read_description
from midrib.datasets.index.kept_rows import IndexItems, SomeItems
from midrib.datasets.index.kept_versions import (
    KeptVersion,
    find_version,
    keep_version,
    kept_versions,
)
from midrib.datasets.index.known_files import inspect_changed
from midrib.datasets.index.opening import open_index
from midrib.datasets.index.writing import write_index

__all__ = [
    "CHANGES",
    "Change",
    "Comparison",
    "Copy",
    "Description",
    "IndexItems",
    "KeptVersion",
    "SomeItems",
    "compared",
    "find_version",
    "inspect_changed",
    "is_index",
    "keep_version",
    "kept_versions",
    "open_index",
    "read_description",
    "require_unchanged",
    "write_index",
]

"""A dataset on disk: one row a picture in a Parquet table, beside or away from the pictures.

write_index ─▶ index.parquet, index.json ─▶ open_index     rows are read when asked for
"""

from midrib.datasets.index.description import Description, is_index, read_description
from midrib.datasets.index.kept_rows import IndexItems, SomeItems
from midrib.datasets.index.known_files import inspect_changed
from midrib.datasets.index.opening import open_index
from midrib.datasets.index.writing import write_index

__all__ = [
    "Description",
    "IndexItems",
    "SomeItems",
    "inspect_changed",
    "is_index",
    "open_index",
    "read_description",
    "write_index",
]

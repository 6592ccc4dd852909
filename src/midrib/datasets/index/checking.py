"""Whether the pictures of an index are still those that it was written of."""

from __future__ import annotations

from midrib.datasets.index.kept_rows import IndexItems
from midrib.datasets.inspection import Progress
from midrib.datasets.records import Dataset
from midrib.errors import DatasetError
from midrib.storage import file_sha256

_SHOWN = 3


def require_unchanged(
    dataset: Dataset, *, hashed: bool = False, progress: Progress | None = None
) -> None:
    """Raise ``DatasetError`` unless every picture of an opened index is there, of its size.

    Args:
        dataset: as `open_index` gave it.
        hashed: read every file and compare its hash too.
        progress: called with pictures done and pictures there are.
    """
    items, wrong = dataset.items, []
    if not isinstance(items, IndexItems):
        return
    for done, (path, size, sha256) in enumerate(items.files(), start=1):
        try:
            same = path.stat().st_size == size
            same = same and (not hashed or file_sha256(path) == sha256)
        except OSError:
            same = False
        if not same:
            wrong.append(path)
        if progress:
            progress(done, len(items))
    if wrong:
        names = ", ".join(path.name for path in wrong[:_SHOWN])
        raise DatasetError(
            f"pictures of {dataset.place} are gone or have changed since they were indexed"
            f" ({len(wrong):,}): {names}{' …' if len(wrong) > _SHOWN else ''}",
            expected=f"those of version {dataset.version[:12]}",
            todo="restore them, or index the source again",
        )

"""Write the index of a source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import Dataset
from midrib.datasets.index import write_index
from midrib.pipeline.data.outputs import require_apart
from midrib.pipeline.data.reading import read
from midrib.pipeline.data.versions import as_split_before, keep
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings


@dataclass(frozen=True)
class Indexed:
    """Where the index lies, and what is in it."""

    folder: Path
    dataset: Dataset

    def as_record(self) -> dict[str, object]:
        return {"index": str(self.folder), **self.dataset.as_record()}

    def lines(self) -> list[str]:
        return [
            *self.dataset.lines(),
            f"version {self.dataset.version}",
            f"index written to {self.folder}",
        ]


def index_data(
    source: str | Path,
    *,
    output: Path | None = None,
    strict: bool = False,
    fresh: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Indexed:
    """Read a source and write an index of it, with the splits that its pictures had before.

    The version is kept in the home folder as well, so that others can be compared with it.

    Args:
        source: the pictures; they are not touched.
        output: the index's own folder; None keeps it in the home folder alone.
        strict: refuse data with pictures that cannot be used.
        fresh: open files too that have not changed since they were last read.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: the source cannot be used.
        UsageError: ``output`` is a folder of other things, or lies among the pictures.
    """
    settings = settings or Settings()
    found = read(
        source, strict=strict, settings=settings, reporter=reporter, fresh=fresh, needs="pictures"
    )
    if output is not None:
        require_apart(output, found)
    dataset = as_split_before(found, source, settings)
    folder = keep(dataset, source, settings)
    if output is not None:
        write_index(output, dataset)
    return Indexed(output or folder, dataset)

"""Write a data set in another format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from midrib.datasets import Dataset
from midrib.datasets.formats import DATASET_FORMATS, Pictures, Written, write_dataset
from midrib.pipeline.data.reading import read
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

_SHOWN = 5


@dataclass(frozen=True)
class Converted:
    """Where a data set went, in which format, and what was left out or lost."""

    dataset: Dataset
    written: Written
    format: str

    def as_record(self) -> dict[str, object]:
        return {
            "source": self.dataset.place,
            "read_as": self.dataset.format,
            "target": str(self.written.target),
            "format": self.format,
            "version": self.dataset.version,
            "pictures": self.written.pictures,
            "lost": list(self.written.lost),
            "problems": [problem.as_record() for problem in self.dataset.problems],
        }

    def lines(self) -> list[str]:
        problems = self.dataset.problems
        kinds = Counter(problem.kind for problem in problems)
        shown = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
        left_out = [f"warning: left out: {shown}"] if problems else []
        named = [f"  {each.path}: {each.reason}" for each in problems[:_SHOWN]]
        more = [f"  and {len(problems) - _SHOWN:,} more"] if len(problems) > _SHOWN else []
        return [
            f"{self.written.pictures:,} pictures of {self.dataset.place} "
            f"(read as {self.dataset.format}) written as {self.format} to {self.written.target}",
            *left_out,
            *named,
            *more,
            *(f"warning: lost: {what}" for what in self.written.lost),
        ]


def convert(
    source: str | Path,
    target: str | Path,
    *,
    form: str,
    read_as: str | None = None,
    pictures: Pictures = "link",
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Converted:
    """Write ``source`` in another format into a new folder.

    Args:
        source: the pictures.
        target: a folder that does not exist yet, or is empty.
        form: the format to write.
        read_as: the format to read as; None takes the one that ``source`` shows most plainly.
        pictures: hard links to the files where the file system has them, or copies.
        strict: refuse data of which anything cannot be used.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: the data cannot be read, or ``target`` is in use.
        StorageError: the disk is full or refuses.
        UnknownNameError: no format is called so.
    """
    DATASET_FORMATS.get(form)  # an unknown name is told before a picture is read
    if read_as is not None:
        DATASET_FORMATS.get(read_as)
    dataset = read(
        source,
        strict=strict,
        needs="pictures",
        form=read_as,
        settings=settings,
        reporter=reporter,
    )
    with reporter.bar("write pictures") as advance:
        written = write_dataset(
            dataset,
            Path(target).expanduser(),
            form,
            pictures=pictures,
            progress=lambda done, total: advance(done, total, ""),
        )
    return Converted(dataset, written, form)

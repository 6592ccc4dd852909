"""Draw pictures with what is said of them onto one sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from midrib.config import fingerprint
from midrib.datasets import Dataset, Item, Split
from midrib.datasets.drawing import MAX_COLUMNS, MAX_SIDE, sheet_of
from midrib.errors import UsageError
from midrib.pipeline.data.choosing import chosen, in_turn
from midrib.pipeline.data.outputs import require_apart
from midrib.pipeline.data.reading import read, slug
from midrib.pipeline.data.sheet_page import require_writable, write_sheet
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

MAX_COUNT = 5_000
_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Layout:
    """How many pictures a sheet has, and how it is laid out.

    ``side`` is the longer side of each in pixels; ``output`` ends in .html or .png, and None
    keeps a page in the home folder.
    """

    count: int = 48
    columns: int = 6
    side: int = 320
    output: Path | None = None

    def __post_init__(self) -> None:
        """Refuse numbers out of bounds, and names of files that are no sheets."""
        for came, value, low, high in (
            (f"a sheet of {self.count:,} pictures", self.count, 1, MAX_COUNT),
            (f"a sheet of {self.columns:,} columns", self.columns, 1, MAX_COLUMNS),
            (f"pictures of {self.side:,} pixels a side", self.side, _SMALLEST_SIDE, MAX_SIDE),
        ):
            if not low <= value <= high:
                raise UsageError(
                    came, expected=f"{low} to {high:,}", todo="choose a number in these bounds"
                )
        if self.output is not None:
            require_writable(self.output)


@dataclass(frozen=True)
class Shown:
    """A sheet that was written."""

    dataset: Dataset
    output: Path
    pictures: int
    of: int

    def as_record(self) -> dict[str, object]:
        return {
            "source": self.dataset.place,
            "version": self.dataset.version,
            "output": str(self.output),
            "pictures": self.pictures,
            "of": self.of,
        }

    def lines(self) -> list[str]:
        return [
            *self.dataset.lines(),
            f"{self.pictures:,} of {self.of:,} pictures drawn in {self.output}",
        ]


def show_data(
    source: str | Path,
    *,
    split: Split | None = None,
    label: str | None = None,
    layout: Layout | None = None,
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Shown:
    """Draw pictures with their boxes, outlines and masks, classes in turn.

    Args:
        source: a folder, a table of labels, an archive or a bucket's URL.
        split: only pictures of this split.
        label: only pictures that show this class.
        layout: how many there are on the sheet, and where it is written.
        strict: refuse data with pictures that cannot be used.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is nothing to show.
        UsageError: the sheet would lie among the pictures, or replace one.
        UnknownNameError: no such class.
        StorageError: the sheet cannot be written.
        MissingExtraError: a page needs Jinja, which is not installed; a .png does not.
    """
    settings, layout = settings or Settings(), layout or Layout()
    dataset = read(source, strict=strict, needs="pictures", settings=settings, reporter=reporter)
    items = chosen(dataset, source, settings, split=split, label=label)
    shown = in_turn(items, layout.count)
    output = draw_to_file(
        dataset, shown, layout, settings, title=_title(slug(source), split, label)
    )
    return Shown(dataset, output, len(shown), len(items))


def draw_to_file(
    dataset: Dataset,
    items: Sequence[Item],
    layout: Layout,
    settings: Settings,
    *,
    title: str,
    notes: Mapping[Path, str] | None = None,
) -> Path:
    """Write a sheet of ``items``, where the layout says or into the home folder; gives its path."""
    if layout.output is not None:
        require_apart(layout.output, dataset)
    kept_as = f"{slug(title)}-{fingerprint([title, dataset.version])[:12]}.html"
    output = layout.output or settings.sheets / kept_as
    sheet = sheet_of(
        items, dataset.labels, per_page=max(1, len(items)), side=layout.side, notes=notes or {}
    )
    write_sheet(
        sheet, output, title=title, dataset=dataset, columns=layout.columns, side=layout.side
    )
    return output


def _title(name: str, split: str | None, label: str | None) -> str:
    return ", ".join(filter(None, [name, split, label]))

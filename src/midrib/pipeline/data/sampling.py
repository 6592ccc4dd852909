"""Choose a few pictures to look at: the worst ones, or some at random."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from midrib.datasets import Dataset, HealthReport, Item, Split, check_dataset
from midrib.datasets.health import CHECKS
from midrib.datasets.ranking import Ranked, Remark, strange_measures, worst_first
from midrib.pipeline.data.choosing import at_random, chosen
from midrib.pipeline.data.reading import read, slug
from midrib.pipeline.data.showing import Layout, draw_to_file
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

Way = Literal["worst", "random"]


@dataclass(frozen=True)
class Sampled:
    """Pictures that were chosen, with why, and the sheet that shows them, if there are any."""

    dataset: Dataset
    output: Path | None
    pictures: tuple[Ranked, ...]

    def as_record(self) -> dict[str, object]:
        return {
            "source": self.dataset.place,
            "version": self.dataset.version,
            "output": str(self.output) if self.output else None,
            "pictures": [
                {
                    "path": str(each.item.path),
                    "labels": sorted(each.item.named),
                    "split": each.item.split,
                    "remarks": [remark.text for remark in each.remarks],
                }
                for each in self.pictures
            ],
        }

    def lines(self) -> list[str]:
        if self.output is None:
            return ["no picture stands out"]
        told = [_line(each, self.dataset) for each in self.pictures]
        return [*told, f"{len(self.pictures):,} pictures drawn in {self.output}"]


def sample_data(
    source: str | Path,
    *,
    way: Way = "worst",
    split: Split | None = None,
    label: str | None = None,
    seed: int = 0,
    layout: Layout | None = None,
    strict: bool = False,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> Sampled:
    """Choose pictures and draw them with why they were chosen.

    The worst are those with the gravest findings of ``check``, and after them those whose size,
    shape, light or number of objects is far from all others'.

    Args:
        source: a folder, a table of labels, an archive or a bucket's URL.
        way: 'worst', or 'random', which depends on contents and seed alone.
        split: only pictures of this split.
        label: only pictures that show this class.
        seed: of the draw.
        layout: how many there are on the sheet, and where it is written.
        strict: refuse data with pictures that cannot be used.
        settings: where the home folder is.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is nothing to choose from.
        UnknownNameError: no such class.
        StorageError: the sheet cannot be written.
        MissingExtraError: a page needs Jinja, which is not installed; a .png does not.
    """
    settings, layout = settings or Settings(), layout or Layout(count=24)
    dataset = read(source, strict=strict, needs="pictures", settings=settings, reporter=reporter)
    items = chosen(dataset, source, settings, split=split, label=label)
    if way == "random":
        picked = [Ranked(item, ()) for item in at_random(items, layout.count, seed)]
    else:
        picked = worst_first(items, _remarks(dataset, items))[: layout.count]
    if not picked:
        return Sampled(dataset, None, ())
    notes = {each.item.path: each.note for each in picked}
    output = draw_to_file(
        dataset,
        [each.item for each in picked],
        layout,
        settings,
        title=f"{slug(source)}, {way}",
        notes=notes,
    )
    return Sampled(dataset, output, tuple(picked))


def _remarks(dataset: Dataset, items: list[Item]) -> Iterable[Remark]:
    yield from _found(check_dataset(dataset))
    yield from strange_measures(items)


def _found(health: HealthReport) -> Iterator[Remark]:
    """What checks found, once a picture and kind; a check's own gravity tells how grave it is."""
    for name, findings in health.findings.items():
        texts: dict[Path, list[str]] = defaultdict(list)
        for finding in findings:
            for path in (*finding.pictures, *finding.kept):
                texts[path].append(finding.text)
        for path, said in texts.items():
            more = f" (and {len(said) - 1:,} more)" if len(said) > 1 else ""
            yield Remark(path, float(CHECKS.get(name).gravity), f"{name}: {said[0]}{more}")


def _line(ranked: Ranked, dataset: Dataset) -> str:
    root = dataset.source if dataset.source.is_dir() else dataset.source.parent
    path = ranked.item.path
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}  {ranked.note or ', '.join(sorted(ranked.item.named))}"

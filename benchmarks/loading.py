"""Samples a second that reach a training step from 12-megapixel JPEGs, with the same workers.

midrib's loader, with its pictures cached on disk, against torchvision's ImageFolder with Pillow in
a DataLoader. Goals: baseline at least 5 times in the first epoch and 20 times in later ones,
progressive at least twice in the first.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from PIL import Image
from torch.utils.data import DataLoader

from benchmarks.harness import Goal, Results, Row, Spread, interleaved, paired, run
from benchmarks.pictures import Size, photographs
from midrib.datasets import Item
from midrib.preprocessing import Recipe, shrink_target
from midrib.preprocessing.picture_cache import PictureCache
from midrib.storage import file_sha256
from midrib.training import Pictures
from midrib.training.examples import MEMORY_BYTES
from midrib.training.loading import EpochBatches, training_loader

# What the default backbone, EfficientNet-Lite0, was trained with.
RECIPE = Recipe(height=224, width=224, filter="bicubic")
SIZE = Size(4000, 3000)
BATCH = 8
LABELS = ("one", "two")
OURS, PLAIN = "midrib", "ImageFolder"
FIRST, LATER = "first epoch", "later epochs"
GOALS = {("baseline", FIRST): 5.0, ("baseline", LATER): 20.0, ("progressive", FIRST): 2.0}
_CACHE_BYTES = 20_000_000_000


@dataclass(frozen=True)
class _Rates:
    """Samples a second."""

    first: float
    later: float


@dataclass(frozen=True)
class _Plan:
    """How much is measured. ``copies``: files that each photograph is written to."""

    photographs: int
    copies: int
    later_epochs: int
    rounds: int
    workers: int


def midrib(folder: Path, plan: _Plan, memory_bytes: int) -> _Rates:
    """Our loader; its cache on disk is empty at first."""
    files = sorted(folder.rglob("*.jpg"))
    items = [Item(path, (path.parent.name,), sha256=file_sha256(path)) for path in files]
    cache_folder = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        cache = PictureCache(cache_folder, _CACHE_BYTES)
        pictures = Pictures(
            items, LABELS, RECIPE, augmentation="flip", cache=cache, memory_bytes=memory_bytes
        )
        batches = EpochBatches(len(items), BATCH, seed=0, fabric=Fabric(accelerator="cpu"))
        loader = training_loader(pictures, batches, plan.workers)
        return _measured(loader, batches.start, plan)
    finally:
        shutil.rmtree(cache_folder)


def image_folder(folder: Path, plan: _Plan) -> _Rates:
    """Pillow through torchvision, as its own examples for training do."""
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import InterpolationMode, v2

    transform = v2.Compose(
        [
            v2.Resize(min(shrink_target(RECIPE)), InterpolationMode.BICUBIC),
            v2.RandomCrop((RECIPE.height, RECIPE.width)),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
        ]
    )
    loader: DataLoader[Any] = DataLoader(
        ImageFolder(str(folder), transform),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=plan.workers,
        multiprocessing_context="spawn" if plan.workers else None,
        persistent_workers=plan.workers > 0,
    )
    return _measured(loader, lambda _epoch, _batch: None, plan)


def _measured(loader: Iterable[Any], start: Callable[[int, int], None], plan: _Plan) -> _Rates:
    """The first epoch and those after it. Starting the workers is part of no epoch."""
    start(0, 0)
    batches = iter(loader)
    # Workers are up once the first batch is there; it is left out of the figure, as are those
    # that they have prepared meanwhile: the clock starts when as many have been taken.
    for _ in range(_prepared(plan)):
        next(batches)
    first = _rate(batches)
    rates = []
    for epoch in range(1, 1 + plan.later_epochs):
        start(epoch, 0)
        rates.append(_rate(iter(loader)))
    return _Rates(first, sum(rates) / len(rates))


def _prepared(plan: _Plan) -> int:
    return 1 + 2 * plan.workers if plan.workers else 0


def _rate(batches: Iterator[Any]) -> float:
    started, count = time.perf_counter(), 0
    for pictures, _truth in batches:
        count += len(pictures)
    return count / (time.perf_counter() - started)


def measure(options: argparse.Namespace) -> Results:
    """Samples a second into a training step, first epoch and later ones."""
    plan = (
        _Plan(photographs=1, copies=16, later_epochs=1, rounds=1, workers=0)
        if options.quick
        else _Plan(photographs=4, copies=24, later_epochs=3, rounds=3, workers=options.workers)
    )
    pictures, origin = photographs(options.pictures, SIZE, plan.photographs)
    notes = [
        f"{SIZE.width} × {SIZE.height}, {origin}, re-encoded, quality 90; "
        f"{len(pictures) * plan.copies} files, batches of {BATCH}, {plan.workers} workers",
        "midrib keeps decoded pictures on disk and, within its bound, in memory; 'disk only' "
        "has no memory, as when there are more pictures than fit",
        "both augment alike: a random crop, mirrored half of the time; hashing each file against "
        "its dataset is part of midrib's first epoch",
    ]
    rows: list[Row] = []
    goals: list[Goal] = []
    for coding in ("baseline", "progressive"):
        with _encoded(pictures, plan.copies, progressive=coding == "progressive") as folder:
            found = interleaved(
                {
                    PLAIN: partial(image_folder, folder, plan),
                    OURS: partial(midrib, folder, plan, MEMORY_BYTES),
                    f"{OURS}, disk only": partial(midrib, folder, plan, 0),
                },
                plan.rounds,
            )
        rows += [_row(coding, name, found) for name in found]
        goals += _goals(coding, found)
    return Results(rows=rows, goals=goals, notes=notes)


def _row(coding: str, name: str, found: dict[str, list[_Rates]]) -> Row:
    figures: dict[str, Spread | str] = {}
    for epoch in (FIRST, LATER):
        mine, plain = _of(found[name], epoch), _of(found[PLAIN], epoch)
        figures[f"{epoch}, samples/s"] = Spread.of(mine)
        figures[f"{epoch}, × {PLAIN}"] = paired(mine, plain)
    return Row(f"12 MP {coding}", name, figures)


def _goals(coding: str, found: dict[str, list[_Rates]]) -> list[Goal]:
    """The goals of one coding. Later epochs count without memory: that is what always holds."""
    goals = []
    for (wanted, epoch), least in GOALS.items():
        if wanted == coding:
            name = f"{OURS}, disk only"
            figure = paired(_of(found[name], epoch), _of(found[PLAIN], epoch)).median
            goals.append(
                Goal(f"12 MP {coding}, {epoch}, samples/s as multiple of {PLAIN}'s", least, figure)
            )
    return goals


def _of(rates: Sequence[_Rates], epoch: str) -> list[float]:
    return [each.first if epoch == FIRST else each.later for each in rates]


@contextmanager
def _encoded(pictures: Sequence[Image.Image], copies: int, *, progressive: bool) -> Iterator[Path]:
    """Class folders in which no two files are equal: each copy of a photograph loses a row."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pictures"
        for number, picture in enumerate(pictures):
            for copy in range(copies):
                target = folder / LABELS[copy % 2] / f"{number}-{copy}.jpg"
                target.parent.mkdir(parents=True, exist_ok=True)
                cut = picture.crop((0, copy, picture.width, picture.height))
                cut.save(target, "JPEG", quality=90, progressive=progressive)
        yield folder


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, default=2, help="processes that read, for all alike")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="large camera JPEGs, as those of Debian's lomiri-wallpapers-16.04; without it, "
        "scikit-learn's two small photographs are enlarged",
    )


if __name__ == "__main__":
    run(
        "loading",
        measure,
        libraries=["pillow", "simplejpeg", "numpy", "torch", "torchvision"],
        arguments=_arguments,
    )

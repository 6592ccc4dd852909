"""What copies on both sides of a split do to a score: the solar cells, as they are and planted.

A linear probe on packaged EfficientNet-Lite0 answers the test split of three divisions: a plain
draw, our split with near-copies together, and the latter after copies of test pictures (saved
again, scaled, slightly cropped) were planted among those that are learnt from. Each is scored on
the whole test split, without pictures of which a copy was learnt from, and without those of which
a look-alike was. Seconds are of looking for copies among all pictures.

Goal: at least 95 % of the planted copies are found.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.harness import Goal, Results, Row, Spread, run
from midrib.backbones.weights.start import start_from
from midrib.datasets import Dataset, Item, Split, SplitConfig, read_dataset, split_dataset
from midrib.datasets.copies import Likenesses, find_likenesses
from midrib.datasets.splitting import find_leaks
from midrib.demos.cells_data import DEFECTIVE, LICENCE, NO_MODULES, cells_table
from midrib.records import Floats
from midrib.reporting import SILENT
from midrib.settings import Settings
from midrib.storage import file_sha256
from midrib.training import Pictures, TrainConfig, embed, new_classifier, recipe_for

BACKBONE = "efficientnet-lite0"
SIZE = 160
PLAIN, OURS, PLANTED = "plain draw", "copies together", "copies together, then planted"
GOAL_CAUGHT = 0.95

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Plan:
    pictures: int | None
    planted: int
    seeds: int


FULL, QUICK = _Plan(None, 400, 5), _Plan(240, 12, 1)


@dataclass(frozen=True)
class _Scored:
    """ROC AUC and test pictures: all, without copies, without copies and look-alikes."""

    auc: tuple[float, float, float]
    pictures: tuple[int, int, int]


def measure(options: argparse.Namespace) -> Results:
    """Divide, probe and score; the figures are spread over seeds of the draw."""
    plan = QUICK if options.quick else FULL
    dataset = read_dataset(cells_table(Settings()))
    if plan.pictures:
        step = len(dataset.items) // plan.pictures
        dataset = replace(dataset, items=dataset.items[::step])
    found = find_likenesses(dataset.items)
    with TemporaryDirectory() as folder:
        planted = _plant(dataset.items, Path(folder), plan.planted)
        everything = [*dataset.items, *planted]
        features = dict(
            zip((item.sha256 for item in everything), _features(everything), strict=True)
        )
        with_planted = find_likenesses(everything)
        cases: dict[str, list[_Scored]] = {PLAIN: [], OURS: [], PLANTED: []}
        for seed in range(plan.seeds):
            loose = SplitConfig(seed=seed, keep_together=False)
            plain = split_dataset(dataset, loose)
            cases[PLAIN].append(_score(plain, found, features))
            pairs = [(copy.first, copy.second) for copy in found.copies]
            ours = split_dataset(dataset, SplitConfig(seed=seed), copies=pairs)
            cases[OURS].append(_score(ours, found, features))
            cases[PLANTED].append(_score(_leaky(ours, planted), with_planted, features))
    caught = _caught(dataset.items, planted, with_planted)
    return Results(
        rows=[Row("solar cells", case, _figures(scores)) for case, scores in cases.items()],
        goals=[Goal("share of planted copies found", GOAL_CAUGHT, caught)],
        notes=[
            f"{len(dataset.items):,} cells: {len(found.copies):,} pairs of near-copies, "
            f"{len(found.look_alikes):,} pairs of look-alikes",
            _most_alike(dataset.items, found),
            f"{len(planted)} planted copies, {caught:.0%} found",
            f"photos: {LICENCE}. {NO_MODULES}",
        ],
    )


def _plant(items: Sequence[Item], folder: Path, count: int) -> list[Item]:
    """Changed copies of every so many pictures, in three ways by turns."""
    planted = []
    for place, item in enumerate(items[:: max(1, len(items) // count)][:count]):
        with Image.open(item.path) as opened:
            width, height = opened.size
            grey = opened.convert("L")
        changed = (
            grey,
            grey.resize((width * 2 // 3, height * 2 // 3), Image.Resampling.BICUBIC),
            grey.crop((width // 40, height // 50, width - width // 30, height)),
        )[place % 3]
        path = folder / f"{place:04d}.jpg"
        changed.save(path, quality=70)
        planted.append(replace(item, path=path, sha256=file_sha256(path), split=None))
    return planted


def _leaky(divided: Dataset, planted: Sequence[Item]) -> Dataset:
    """The division, with every planted copy learnt from."""
    learnt: Split = "train"
    more = tuple(replace(item, split=learnt) for item in planted)
    return replace(divided, items=(*divided.items, *more))


def _features(items: Sequence[Item]) -> Floats:
    """float32, pictures × features, of the backbone before any training."""
    settings = Settings()
    config = TrainConfig(backbone=BACKBONE, weights="packaged", size=SIZE, crop_ratio=1.0)
    start = start_from(BACKBONE, "packaged", settings, SILENT)
    labels = sorted({item.label for item in items})
    classifier, _ = new_classifier(config, labels, start, settings)
    recipe = recipe_for(classifier.backbone.facts, config)
    return np.asarray(embed(classifier, Pictures(list(items), labels, recipe))[0])


def _score(divided: Dataset, found: Likenesses, features: dict[str, Floats]) -> _Scored:
    learnt, judged = divided.of("train"), divided.of("test")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    probe.fit(np.stack([features[item.sha256] for item in learnt]), _truth(learnt))
    answer = probe.predict_proba(np.stack([features[item.sha256] for item in judged]))[:, 1]
    leaked = _known(divided, judged, Likenesses(copies=found.copies))
    alike = _known(divided, judged, Likenesses(copies=(*found.copies, *found.look_alikes)))
    kept = (np.ones(len(judged), bool), ~leaked, ~alike)
    truth = _truth(judged)
    return _Scored(
        auc=tuple(_auc(truth[rows], answer[rows]) for rows in kept),  # type: ignore[arg-type]  # three of three
        pictures=tuple(int(rows.sum()) for rows in kept),  # type: ignore[arg-type]  # three of three
    )


def _known(divided: Dataset, judged: Sequence[Item], found: Likenesses) -> _Mask:
    leaks = {leak.held_out.path for leak in find_leaks(divided, found.copies)}
    return np.array([item.path in leaks for item in judged], bool)


def _truth(items: Sequence[Item]) -> _Mask:
    return np.array([item.label == DEFECTIVE for item in items], bool)


def _auc(truth: _Mask, answer: Floats) -> float:
    return float(roc_auc_score(truth, answer)) if 0 < truth.sum() < len(truth) else float("nan")


def _caught(items: Sequence[Item], planted: Sequence[Item], found: Likenesses) -> float:
    """Share of planted copies that are verified with what they were made from."""
    originals = items[:: max(1, len(items) // len(planted))][: len(planted)]
    pairs = {frozenset((copy.first, copy.second)) for copy in found.copies}
    hits = Counter(
        frozenset((copy.sha256, original.sha256)) in pairs
        for copy, original in zip(planted, originals, strict=True)
    )
    return hits[True] / len(planted)


def _most_alike(items: Sequence[Item], found: Likenesses) -> str:
    names = {item.sha256: item.path.name for item in items}
    shown = [
        f"{names[like.first]} and {names[like.second]} {like.similarity:.3f}"
        for like in (*found.copies, *found.look_alikes)[:5]
    ]
    return "most alike: " + ", ".join(shown)


def _figures(scores: Sequence[_Scored]) -> dict[str, Spread | str]:
    named = ("ROC AUC", "without copies", "without look-alikes")
    figures: dict[str, Spread | str] = {}
    for place, name in enumerate(named):
        figures[name] = Spread.of(score.auc[place] for score in scores)
        figures[f"{name}: pictures"] = Spread.of(score.pictures[place] for score in scores)
    return figures


if __name__ == "__main__":
    run("leakage", measure, libraries=("torch", "timm", "scikit-learn"))

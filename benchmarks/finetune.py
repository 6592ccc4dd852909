"""What pretrained weights are worth: fine-tuning on the solar cells, from them and from nothing.

Both starts get the same pictures, the same augmentations, the same steps and the same options. The
figure is the ROC AUC of the best epoch's weights on the test split, which neither start has seen.

Goal: packaged weights are at least 10 points (0.10) better than the same network's random start.
A finished training is kept and not done again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console
from safetensors.torch import load_file

from benchmarks.harness import Goal, Results, Row, Spread, run
from benchmarks.kept import code_of, kept
from midrib.backbones.weights.earlier_run import BEST_FILE
from midrib.backbones.weights.start import start_from
from midrib.datasets import Dataset, Item, Split, SplitConfig, read_dataset, split_dataset
from midrib.demos.cells_data import LICENCE, NO_MODULES, cells_table
from midrib.metrics import METRICS
from midrib.preprocessing import Recipe
from midrib.selection.kept import library_versions
from midrib.settings import Settings
from midrib.tasks import Classifier
from midrib.training import (
    FitTask,
    Pictures,
    TrainConfig,
    fit_on_devices,
    new_classifier,
    recipe_for,
)
from midrib.training.loading import evaluation_batches

STARTS = ("packaged", "none")
GOAL_POINTS = 10.0
CANDIDATES = {
    "efficientnet-lite0": 1e-3,
    "mobilenet-v2": 1e-3,
    # It has no normalisation layers: at the others' rate it diverges from either start.
    "squeezenet-1.1": 2e-4,
}
"""Backbone and peak learning rate, the same for both of its starts."""

_LIBRARIES = ("torch", "torchvision", "timm")
_ROOMS = ("backbones", "tasks", "training")
_QUICK_PICTURES = 96
_BATCH = 64


@dataclass(frozen=True)
class Effort:
    """How much is spent on each training."""

    seeds: tuple[int, ...]
    size: int
    epochs: int
    most_pictures: int | None


FULL = Effort(seeds=(0, 1), size=128, epochs=4, most_pictures=None)
QUICK = Effort(seeds=(0,), size=64, epochs=1, most_pictures=_QUICK_PICTURES)


@dataclass(frozen=True)
class Outcome:
    """One training."""

    auc: float
    seconds: float
    steps: int


def measure(options: argparse.Namespace) -> Results:
    """ROC AUC on the solar cells' test split, from packaged weights and from a random start."""
    effort, settings = (QUICK if options.quick else FULL), Settings()
    effort = replace(effort, seeds=effort.seeds[: options.seeds])
    dataset = split_dataset(read_dataset(cells_table(settings)), SplitConfig())
    trainings = Trainings(effort, dataset, settings)
    rows, goals = [], []
    for backbone in CANDIDATES:
        found = {
            start: [trainings.outcome(backbone, start, seed) for seed in effort.seeds]
            for start in STARTS
        }
        rows += [Row(backbone, _titled(start), _figures(found[start])) for start in STARTS]
        goals.append(_goal(backbone, found))
    return Results(
        rows,
        goals,
        notes=[
            f"epochs: {effort.epochs}, at {effort.size} pixels; seeds: "
            f"{', '.join(map(str, effort.seeds))}; the spread is over seeds",
            "goals compare seed by seed and show the worst",
            f"elpv-dataset, {LICENCE}. {NO_MODULES}",
        ],
    )


@dataclass(frozen=True)
class Trainings:
    """All trainings see the same pictures."""

    effort: Effort
    dataset: Dataset
    settings: Settings

    def outcome(self, backbone: str, start: str, seed: int) -> Outcome:
        """What one training gave, now or before."""
        config = self._config(backbone, start, seed)
        depends = [
            config.model_dump(mode="json"),
            self.dataset.version,
            self.effort.most_pictures,
            library_versions(_LIBRARIES),
            code_of(_ROOMS, Path(__file__)),
        ]
        found = kept(
            f"{backbone}-{start}-{seed}",
            depends,
            lambda: asdict(self._run(config)),
            benchmark="finetune",
        )
        return Outcome(**found)

    def _run(self, config: TrainConfig) -> Outcome:
        """Train once and score the best epoch's weights."""
        backbone, start, seed = config.backbone, config.weights, config.seed
        began = start_from(backbone, start, self.settings)
        classifier, _ = new_classifier(config, self.dataset.labels, began, self.settings)
        recipe = recipe_for(classifier.backbone.facts, config)
        watch = time.monotonic()
        told = Console(stderr=True).status(f"{backbone}, {_titled(start)}, seed {seed}")
        with TemporaryDirectory() as folder, told:
            task = FitTask(
                model=classifier,
                training=self._pictures("train", recipe, config),
                validation=self._pictures("validation", recipe, config),
                config=config,
                folder=Path(folder),
                identity=config.fingerprint(),
            )
            fitted = fit_on_devices(task)
            classifier.load_state_dict(load_file(Path(folder) / BEST_FILE))
        seconds = time.monotonic() - watch
        return Outcome(
            _auc(classifier, self._pictures("test", recipe, config)), seconds, fitted.steps
        )

    def _config(self, backbone: str, start: str, seed: int) -> TrainConfig:
        return TrainConfig(
            backbone=backbone,
            weights=start,
            size=self.effort.size,
            crop_ratio=1.0,
            epochs=self.effort.epochs,
            learning_rate=CANDIDATES[backbone],
            augmentation="dihedral",
            patience=self.effort.epochs,
            seed=seed,
        )

    def _pictures(self, split: Split, recipe: Recipe, config: TrainConfig) -> Pictures:
        return Pictures(
            _some(self.dataset.of(split), self.effort.most_pictures),
            self.dataset.labels,
            recipe,
            augmentation=config.augmentation if split == "train" else "none",
            seed=config.seed,
        )


def _some(items: Sequence[Item], most: int | None) -> list[Item]:
    """Every so many items, so that both labels are among them however the list is ordered."""
    step = 1 if most is None else max(1, len(items) // most)
    return list(items[::step])


@torch.inference_mode()
def _auc(classifier: Classifier, pictures: Pictures) -> float:
    classifier.eval()
    answers, truths = [], []
    for batch, truth in evaluation_batches(pictures, _BATCH):
        answers.append(torch.softmax(classifier(batch)[0], dim=1))
        truths.append(truth)
    return METRICS.get("roc_auc")(torch.cat(truths).numpy(), torch.cat(answers).numpy())


def _titled(start: str) -> str:
    return "random start" if start == "none" else f"{start} weights"


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Spread | str]:
    return {
        "ROC AUC": Spread.of(outcome.auc for outcome in outcomes),
        "seconds": Spread.of(outcome.seconds for outcome in outcomes),
        "steps": Spread.of(outcome.steps for outcome in outcomes),
    }


def _goal(backbone: str, found: dict[str, list[Outcome]]) -> Goal:
    gains = [
        100 * (packaged.auc - random.auc)
        for packaged, random in zip(*(found[start] for start in STARTS), strict=True)
    ]
    return Goal(f"{backbone}: AUC points over its random start", GOAL_POINTS, min(gains))


def _arguments(parser: argparse.ArgumentParser) -> None:
    most = len(FULL.seeds)
    parser.add_argument(
        "--seeds", type=int, choices=range(1, most + 1), default=most, help="how many are tried"
    )


if __name__ == "__main__":
    run("finetune", measure, libraries=_LIBRARIES, arguments=_arguments)

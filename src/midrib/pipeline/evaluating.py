"""Evaluate: a model's file scored as it is served."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.engines import AUTO, load_predictor
from midrib.evaluation import AnyEvaluation, evaluate_package, with_leaks
from midrib.pipeline.data import read
from midrib.pipeline.run_data import divide_for_training
from midrib.pipeline.targets import open_whole
from midrib.records import Score
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings
from midrib.tasks.algorithms import USUAL


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of one split, as served."""

    evaluation: AnyEvaluation

    def as_record(self) -> dict[str, object]:
        return self.evaluation.as_record()

    def lines(self) -> list[str]:
        found = self.evaluation
        lines = [f"{found.split} split, {len(found)} pictures, as served:"]
        lines += [
            f"  {score.metric:<24} {score.value:.4f}   "
            f"95 % interval {score.low:.4f} to {score.high:.4f}{_side(score, found)}"
            for score in found.scores
        ]
        lines += [f"  skipped {path}: {reason}" for path, reason in found.skipped]
        return lines


def evaluate(
    target: str,
    source: str | Path,
    *,
    split: str = "test",
    engine: str = AUTO,
    settings: Settings | None = None,
    reporter: Reporter = SILENT,
) -> EvaluationResult:
    """Score a model's file on ``source``, through the code that serves it.

    Args:
        target: a published name, NAME@VERSION or a package's folder.
        source: labelled pictures.
        split: 'train', 'validation', 'test' as they were split for training, or 'all'.
        engine: the engine's name or 'auto'.
        settings: where everything is kept.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is no picture in that split.
    """
    settings = settings or Settings()
    package = open_whole(target, settings)
    predictor = load_predictor(package, engine=engine, memory=settings.engine_choices)
    leaked: list[Path] = []
    if split == "all":
        items = list(read(source, strict=False, settings=settings, reporter=reporter).items)
    else:
        divided = divide_for_training(
            source,
            None,
            settings,
            algorithm=package.card.algorithm or USUAL[package.card.task],
            strict=False,
            reporter=reporter,
        )
        items = [item for item in divided.dataset.items if item.split == split]
        leaked = [leak.held_out.path for leak in divided.leaks if leak.held_out.split == split]
    with reporter.bar("score") as advance:
        found = evaluate_package(
            package, items, predictor, split=split, progress=lambda a, b: advance(a, b, "")
        )
    return EvaluationResult(with_leaks(found, leaked))


def _side(score: Score, found: AnyEvaluation) -> str:
    """What a score without the leaked pictures is marked with."""
    return "" if score.split == found.split else f"   {score.split}, {score.pictures} pictures"

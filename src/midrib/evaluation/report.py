"""The whole run on one page: a single HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from midrib.errors import MissingExtraError
from midrib.evaluation import wording
from midrib.evaluation.detection_figures import detection_figures
from midrib.evaluation.detection_gallery import crowded_tiles
from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.detection_scores import MASK, most_counted
from midrib.evaluation.detection_slices import detection_slices
from midrib.evaluation.figures import Figure, Row, answer_figures, training_figures
from midrib.evaluation.gallery import right_tiles, wrong_tiles
from midrib.evaluation.pages import page_template
from midrib.evaluation.records import Evaluation
from midrib.evaluation.scores import RECALL
from midrib.evaluation.scoring import AnyEvaluation
from midrib.evaluation.segmentation_figures import segmentation_figures
from midrib.evaluation.segmentation_gallery import segmented_tiles
from midrib.evaluation.segmentation_records import SegmentationEvaluation
from midrib.evaluation.segmentation_scores import BOUNDARY_IOU_OF, DICE_OF, IOU_OF, MIOU
from midrib.metrics import (
    METRICS,
    Interval,
    confusion_matrix,
    detection_confusion,
    detection_scores,
    error_kinds,
)
from midrib.packages import Card
from midrib.records import Score
from midrib.storage import write_text

_MOST_CLASSES_IN_MATRIX = 12
_MOST_CONFUSIONS = 10
_TILES = ("average_precision", "accuracy", "balanced_accuracy")
_OBJECT_TILES = ("ap", "precision", "recall")
_MASK_TILES = ("mask_ap", "pq", "precision", "recall")
_PIXEL_TILES = ("dice", "boundary_iou", "accuracy")

ROC_AUC = "roc_auc"
AP50 = "ap50"
"""Headlines: of classifiers and of detectors, `MASK` before it where they draw masks; of
segmenters it is `MIOU`."""


@dataclass(frozen=True)
class Baseline:
    """Another way to the same answers, as a noun phrase ('a linear probe').

    ``value`` is its headline score, ``difference`` this model's minus it on the same pictures.
    """

    name: str
    value: float
    difference: Interval | None = None


@dataclass(frozen=True)
class ReleaseEvent:
    """One step in a model's life: ``what`` happened to ``version``, and ``when`` (ISO 8601)."""

    when: str
    version: int
    what: str


@dataclass(frozen=True)
class DataFacts:
    """Where the pictures come from and what they may be used for.

    ``counts``: pictures by split and label.
    """

    source: str
    version: str
    licence: str
    counts: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportContent:
    """All that a report can tell; what is left empty has no section.

    ``card``: of the package. ``evaluation``: of that package, on the split that is reported.
    ``headline``: the score that the verdict is about. ``training``: rows of metrics by ``step``.
    ``stage_seconds``: by stage, in their order. ``monitoring``: a watch as a record. ``machine``
    and ``libraries``: name to what is there.
    """

    card: Card
    evaluation: AnyEvaluation
    title: str = ""
    headline: str = ROC_AUC
    baseline: Baseline | None = None
    training: Sequence[Row] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    data: DataFacts | None = None
    releases: Sequence[ReleaseEvent] = ()
    monitoring: Mapping[str, Any] | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


def write_report(content: ReportContent, path: Path) -> None:
    """Write the report to ``path``, whole or not at all.

    Raises:
        StorageError: the disk does not take it.
        MissingExtraError: Jinja or matplotlib is not installed.
    """
    write_text(path, render_report(content))


def render_report(content: ReportContent) -> str:
    """The report as one HTML document: pictures, curves and styles inside, no script, no address.

    Raises ``MissingExtraError`` when Jinja or matplotlib is not installed, ``UnknownNameError``
    when the evaluation has no score of the headline's name.
    """
    evaluation, card = content.evaluation, content.card
    headline = _headline(evaluation, content.headline)
    own = _own(evaluation, card)
    try:
        return page_template("report.html.jinja").render(
            **own,
            content=content,
            card=card,
            title=content.title or card.name,
            headline=headline,
            gauge_places=_gauge(headline, content.baseline),
            finding=wording.finding(evaluation, headline),
            leaks=wording.leaks(evaluation, headline.metric),
            comparison=_comparison(content),
            tiles=_tiles(evaluation, headline.metric),
            training=training_figures(content.training),
            bars={score: _bar(score) for score in evaluation.scores},
            total_seconds=sum(content.stage_seconds.values()),
            slowest_seconds=max(content.stage_seconds.values(), default=0.0),
        )
    except ModuleNotFoundError as missing:
        raise MissingExtraError(f"the report ({missing.name})", extra="lab") from None


def headline_of(evaluation: AnyEvaluation) -> str:
    """The name of the score that the verdict is about, unless another is asked for."""
    if isinstance(evaluation, SegmentationEvaluation):
        return MIOU
    if isinstance(evaluation, DetectionEvaluation):
        return f"{MASK}{AP50}" if evaluation.with_masks else AP50
    return ROC_AUC


def _own(evaluation: AnyEvaluation, card: Card) -> dict[str, Any]:
    """What the page shows of a model of that task alone."""
    if isinstance(evaluation, DetectionEvaluation):
        return {"pixels": None, **_of_objects(evaluation)}
    if isinstance(evaluation, SegmentationEvaluation):
        return {"objects": None, **_of_pixels(evaluation)}
    return {"pixels": None, **_of_labels(evaluation, card.decision.threshold)}


def _headline(evaluation: AnyEvaluation, metric: str) -> Score:
    if not isinstance(evaluation, Evaluation) and not evaluation.scores:
        nothing = {"value": 0.0, "low": 0.0, "high": 0.0}
        return Score(metric=metric, **nothing, pictures=len(evaluation), split=evaluation.split)
    return evaluation.score(metric)


def _of_labels(evaluation: Evaluation, threshold: float) -> dict[str, Any]:
    """What the page shows of a classifier alone."""
    return {
        "answers": answer_figures(evaluation, threshold),
        "matrix": _matrix(evaluation),
        "precision": wording.precision(evaluation),
        "confusions": _confusions(evaluation),
        "wrong_count": int((evaluation.decided != evaluation.truth).sum()),
        "wrong": wrong_tiles(evaluation),
        "right": right_tiles(evaluation),
        "objects": None,
    }


def _of_objects(evaluation: DetectionEvaluation) -> dict[str, Any]:
    """What the page shows of a detector alone."""
    classes = np.concatenate([each.classes[~each.crowd] for each in evaluation.truth])
    answered = np.concatenate([each.classes for each in evaluation.answered])
    rows = [
        (label, int((classes == place).sum()), int((answered == place).sum()))
        for place, label in enumerate(evaluation.labels)
    ]
    return {
        "answers": _object_figures(evaluation),
        "objects": rows,
        "slices": detection_slices(evaluation),
        "drawn_pictures": crowded_tiles(evaluation),
    }


def _of_pixels(evaluation: SegmentationEvaluation) -> dict[str, Any]:
    """What the page shows of a segmenter alone: ``pixels`` are rows of a table, one a class."""
    true, decided = (
        each.sum(axis=0) / max(1, int(evaluation.counts.true.sum()))
        for each in (evaluation.counts.true, evaluation.counts.decided)
    )
    scores = {score.metric: score for score in reversed(evaluation.scores)}
    rows = [
        (
            label,
            float(true[place]),
            float(decided[place]),
            [scores.get(f"{kind}{label}") for kind in (IOU_OF, DICE_OF, BOUNDARY_IOU_OF)],
        )
        for place, label in enumerate(evaluation.labels)
    ]
    return {
        "answers": segmentation_figures(evaluation),
        "pixels": rows,
        "drawn_pictures": segmented_tiles(evaluation),
    }


def _object_figures(evaluation: DetectionEvaluation) -> list[Figure]:
    pair, count = (evaluation.truth, evaluation.found), len(evaluation.labels)
    threshold, shape = evaluation.threshold, evaluation.shape
    most = most_counted(evaluation.found)
    return detection_figures(
        detection_scores(*pair, evaluation.labels, shape=shape, most=most),
        error_kinds(*pair, count, shape=shape),
        detection_confusion(*pair, count, least_score=threshold, shape=shape),
        evaluation.labels,
        least_score=threshold,
    )


def _comparison(content: ReportContent) -> str:
    base = content.baseline
    if base is None:
        return ""
    return wording.comparison(content.headline, base.name, base.value, base.difference)


def _gauge(headline: Score, baseline: Baseline | None) -> dict[str, Any] | None:
    """Places in per cent on a scale that ends at 1 and starts where chance is, or at 0."""
    if headline.metric in METRICS and METRICS.get(headline.metric).better == "lower":
        return None
    start = 0.5 if headline.metric == "roc_auc" else 0.0

    def place(value: float) -> float:
        return round(float(np.clip((value - start) / (1 - start), 0, 1)) * 100, 2)

    return {
        "start": f"{start:g}",
        "low": place(headline.low),
        "high": place(headline.high),
        "value": place(headline.value),
        "baseline": None if baseline is None else place(baseline.value),
    }


def _bar(score: Score) -> dict[str, float] | None:
    """Places of a score's interval in per cent, for scores between 0 and 1."""
    if score.metric == "log_loss":
        return None
    return {name: round(getattr(score, name) * 100, 2) for name in ("low", "high", "value")}


def _tiles(evaluation: AnyEvaluation, headline: str) -> list[Score]:
    """The few scores that stand at the top."""
    wanted = list(_TILES)
    if isinstance(evaluation, DetectionEvaluation):
        wanted = list(_MASK_TILES if evaluation.with_masks else _OBJECT_TILES)
    elif isinstance(evaluation, SegmentationEvaluation):
        wanted = list(_PIXEL_TILES)
    elif evaluation.positive_index is not None:
        wanted.insert(0, f"{RECALL}{evaluation.labels[evaluation.positive_index]}")
    by_name = {score.metric: score for score in reversed(evaluation.scores)}
    return [by_name[name] for name in wanted if name in by_name and name != headline]


def _matrix(evaluation: Evaluation) -> list[list[int]] | None:
    """Rows of true classes, columns of decided ones; None when there are too many to read."""
    if len(evaluation.labels) > _MOST_CLASSES_IN_MATRIX:
        return None
    counts = confusion_matrix(evaluation.truth, evaluation.decided, len(evaluation.labels))
    return [[int(count) for count in row] for row in counts]


def _confusions(evaluation: Evaluation) -> list[tuple[str, str, int]]:
    """True and decided label of the most frequent mistakes."""
    labels = evaluation.labels
    counts = confusion_matrix(evaluation.truth, evaluation.decided, len(labels))
    np.fill_diagonal(counts, 0)
    most = np.argsort(-counts, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    places = [divmod(int(place), len(labels)) for place in most if counts.flat[place]]
    return [(labels[row], labels[column], int(counts[row, column])) for row, column in places]

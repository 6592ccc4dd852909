"""The report's figures: each curve with its title, its key and its words for the blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.evaluation import plots
from midrib.evaluation.records import Evaluation
from midrib.evaluation.wording import figure, metric_title, percent
from midrib.metrics import METRICS, confusion_matrix
from midrib.metrics.decisions import Real

Row = Mapping[str, float]
_VALIDATION = "validation/"


@dataclass(frozen=True)
class Figure:
    """``svg`` is trusted markup; ``alt`` tells what it shows; ``keys``: colour and meaning."""

    title: str
    svg: str
    alt: str
    keys: tuple[tuple[str, str], ...] = ()


def training_figures(rows: Sequence[Row]) -> list[Figure]:
    """Losses and the validation metric by step; none of what the rows do not hold."""
    names = {key for row in rows for key in row}
    training, validation = _points(rows, "train/loss"), _points(rows, f"{_VALIDATION}loss")
    figures = [_losses(training, validation)] if training or validation else []
    for name in sorted(names):
        metric = name.removeprefix(_VALIDATION)
        if name.startswith(_VALIDATION) and metric != "loss" and _points(rows, name):
            figures.append(_metric(metric, _points(rows, name)))
    return figures


def answer_figures(evaluation: Evaluation, threshold: float) -> list[Figure]:
    """ROC, precision and recall, calibration and, with two classes, the spread of scores."""
    index = evaluation.positive_index
    if index is None:
        return _figures_of_many(evaluation)
    return _figures_of_two(evaluation, index, threshold)


def _points(rows: Sequence[Row], name: str) -> list[tuple[float, float]]:
    return [(row["step"], row[name]) for row in rows if np.isfinite(row.get(name, np.nan))]


def _losses(training: plots.Points, validation: plots.Points) -> Figure:
    keys = (("muted", "training, with its running mean"), ("accent", "validation"))
    last = [
        f"{name} ends at {figure(points[-1][1])}"
        for name, points in (("training loss", training), ("validation loss", validation))
        if points
    ]
    return Figure(
        title="Loss by step",
        svg=plots.plot_losses(training, validation),
        alt=f"Loss by step: {' and '.join(last)}.",
        keys=tuple(key for key, points in zip(keys, (training, validation), strict=True) if points),
    )


def _metric(metric: str, points: plots.Points) -> Figure:
    values = [value for _, value in points]
    lower = metric in METRICS and METRICS.get(metric).better == "lower"
    best = int(np.argmin(values) if lower else np.argmax(values))
    step, title = int(points[best][0]), metric_title(metric)
    return Figure(
        title=f"{title} on the validation split",
        svg=plots.plot_metric(points, best=best),
        alt=f"Validation {title} by step: best {figure(values[best])} at step {step}.",
        keys=(("ring", f"best: {figure(values[best])} at step {step:,}"),),
    )


def _figures_of_two(evaluation: Evaluation, index: int, threshold: float) -> list[Figure]:
    positive, score = evaluation.truth == index, evaluation.answer[:, index]
    looked_for, other = evaluation.labels[index], evaluation.labels[1 - index]
    matrix = confusion_matrix(evaluation.truth, evaluation.decided, 2)
    found, alarms = matrix[index, index], matrix[1 - index, index]
    recall, alarm_rate = _share(found, positive.sum()), _share(alarms, (~positive).sum())
    precision = _share(found, found + alarms)
    here = ("dot", f"threshold {threshold:.2f}")
    figures = []
    if positive.any() and not positive.all():
        figures += [
            Figure(
                title="ROC",
                svg=plots.plot_roc([(positive, score)], decided=(alarm_rate, recall)),
                alt=f"ROC curve: at the threshold {percent(recall)} of {looked_for} pictures are"
                f" found and {percent(alarm_rate)} of {other} ones wrongly taken for them.",
                keys=(("band", "95 % of resamples"), here),
            ),
            Figure(
                title="Precision and recall",
                svg=plots.plot_precision_recall([(positive, score)], decided=(recall, precision)),
                alt=f"Precision by recall: at the threshold {percent(precision)} of what is called"
                f" {looked_for} is, and {percent(recall)} of all {looked_for} pictures are found.",
                keys=(("dashed", "by chance"), here),
            ),
        ]
    return [
        *figures,
        _calibration(score, positive, f"How often '{looked_for}' comes true"),
        Figure(
            title="Spread of scores",
            svg=plots.plot_scores(score, positive, threshold),
            alt=f"Histogram of the probability of {looked_for}, by true class.",
            keys=(("accent", looked_for), ("muted", other), ("dashed", here[1])),
        ),
    ]


def _figures_of_many(evaluation: Evaluation) -> list[Figure]:
    labels = [place for place in range(len(evaluation.labels)) if place in evaluation.truth]
    curves = [(evaluation.truth == place, evaluation.answer[:, place]) for place in labels]
    most_probable = evaluation.answer.argmax(axis=1)
    figures = []
    if len(labels) > 1:
        against = "each class against the rest"
        figures = [
            Figure("ROC", plots.plot_roc(curves, decided=None), f"ROC curves, {against}.",
                   (("accent", against),)),
            Figure("Precision and recall", plots.plot_precision_recall(curves, decided=None),
                   f"Precision by recall, {against}.", (("accent", against),)),
        ]  # fmt: skip
    hit = most_probable == evaluation.truth
    return [*figures, _calibration(evaluation.answer.max(axis=1), hit, "How often it is right")]


def _calibration(said: Real, came_true: NDArray[np.bool_], title: str) -> Figure:
    return Figure(
        title=title,
        svg=plots.plot_calibration(said, came_true),
        alt=f"Calibration: it says {percent(float(said.mean()))} on average,"
        f" and {percent(float(came_true.mean()))} come true.",
        keys=(("dashed", "ideal"), ("bead", "larger: more pictures")),
    )


def _share(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else 0.0

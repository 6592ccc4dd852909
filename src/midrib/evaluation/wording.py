"""Numbers and findings in words, as the report says them."""

from __future__ import annotations

from midrib.evaluation.records import Evaluation
from midrib.evaluation.scores import RECALL
from midrib.evaluation.scoring import AnyEvaluation
from midrib.metrics import METRICS, Interval
from midrib.records import Score

_MEANINGS = {
    "roc_auc": "How often a picture of the one class is scored above one of the other",
    "average_precision": "Precision averaged over all recalls",
    "accuracy": "Share of pictures decided rightly",
    "balanced_accuracy": "Mean of the classes' recalls",
    "log_loss": "Surprise at the truth, in nats; lower is better",
    "ece": "Gap between how sure it is and how often right; lower is better",
    "ap": "Average precision over overlaps of 0.5, 0.55 … 0.95, as COCO has it",
    "ap50": "Average precision where half of the union must be shared",
    "ap75": "Average precision where three quarters of the union must be shared",
    "ar": "Recall of the surest hundred of a picture over the same overlaps as AP",
    "mask_ap": "AP of masks, as COCO has it",
    "mask_ap50": "Average precision where half of the masks' union must be shared",
    "mask_ap75": "Average precision where three quarters of the masks' union must be shared",
    "mask_ar": "Recall of the surest hundred of a picture by their masks",
    "pq": "Panoptic quality of what is answered: how many masks are right, times how well",
    "sq": "Mean overlap of the masks that are right",
    "rq": "F1 of finding masks, right from an overlap of 0.5 on",
    "precision": "Share of answered objects that are there, at the package's threshold",
    "recall": "Share of objects that are answered, at the package's threshold",
    "miou": "Intersection over union of true and answered pixels, mean over classes",
    "dice": "Twice the intersection over the sum of both, mean over classes",
    "boundary_iou": "Intersection over union of what lies along the outlines, mean over classes",
}
_TITLES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ar": "AR",
    "mask_ap": "Mask AP",
    "mask_ap50": "Mask AP50",
    "mask_ap75": "Mask AP75",
    "mask_ar": "Mask AR",
    "pq": "PQ",
    "sq": "SQ",
    "rq": "RQ",
    "precision": "Precision",
    "recall": "Recall",
    "miou": "mIoU",
    "iou": "IoU",
    "dice": "Dice",
    "boundary_iou": "Boundary IoU",
}
_OF_CLASS = ("ap50", "mask_ap50", "iou", "dice", "boundary_iou")


def metric_title(metric: str) -> str:
    """A score's name as tables show it."""
    if metric.startswith(RECALL):
        return f"Recall of {metric.removeprefix(RECALL)}"
    name, _, label = metric.partition(":")
    if label and name in _OF_CLASS:
        return f"{_TITLES[name]} of {label}"
    return METRICS.get(metric).title if metric in METRICS else _TITLES.get(metric, metric)


def metric_meaning(metric: str) -> str:
    """What a score says, in a clause."""
    if metric.startswith(RECALL):
        return f"Share of the {metric.removeprefix(RECALL)} pictures that were found"
    return _MEANINGS.get(metric, "")


def figure(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def percent(share: float, decimals: int = 1) -> str:
    """A share as per cent, never rounded to a certainty that it is not."""
    shown = f"{share * 100:.{decimals}f}"
    if share < 1 and float(shown) == 100:
        shown = f"> {100 - 10**-decimals:.{decimals}f}"
    if share > 0 and float(shown.strip("> ")) == 0:
        shown = f"< {10**-decimals:.{decimals}f}"
    return f"{shown} %"


def counted(count: int, noun: str) -> str:
    """A count with its noun: '1 picture', '2,624 pictures'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """Seconds as people say them: '0.4 s', '38 s', '4 min 12 s', '2 h 5 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def finding(evaluation: AnyEvaluation, headline: Score) -> str:
    """What the headline number means for this package, in one sentence."""
    found = f"{metric_title(headline.metric)} {figure(headline.value)}"
    where = f"on {headline.pictures:,} {headline.split} pictures"
    index = evaluation.positive_index if isinstance(evaluation, Evaluation) else None
    if not isinstance(evaluation, Evaluation) or headline.metric != "roc_auc" or index is None:
        return f"{found} {where}, measured on the packaged file through the code that serves it."
    looked_for, other = evaluation.labels[index], evaluation.labels[1 - index]
    return (
        f"Shown one {looked_for} and one {other} picture, it gives the {looked_for} one the higher"
        f" score {percent(headline.value)} of the time: {where}, measured on the packaged file"
        " through the code that serves it."
    )


def leaks(evaluation: AnyEvaluation, metric: str) -> str:
    """How the number stands without pictures that training saw copies of; empty without any."""
    clean = [
        score
        for score in evaluation.scores
        if score.metric == metric and score.split != evaluation.split
    ]
    told = f"{counted(len(evaluation.leaked), 'picture')} of these leaked: training saw copies."
    if not evaluation.leaked:
        return ""
    if not clean:
        return f"{told} Without them nothing is left to score."
    return (
        f"{told} Without them, {metric_title(metric)} is {figure(clean[0].value)}"
        f" ({figure(clean[0].low)} to {figure(clean[0].high)})"
        f" on {counted(clean[0].pictures, 'picture')}."
    )


def precision(evaluation: Evaluation) -> str:
    """How far the positive label can be believed, in one sentence; empty with many classes."""
    index = evaluation.positive_index
    if index is None:
        return ""
    called = evaluation.decided == index
    right, label = int((evaluation.truth[called] == index).sum()), evaluation.labels[index]
    if not called.any():
        return f"No picture was called {label}."
    share = percent(right / int(called.sum()))
    return f"Of {counted(int(called.sum()), 'picture')} called {label}, {right:,} are ({share})."


def comparison(metric: str, name: str, value: float, difference: Interval | None) -> str:
    """How the headline number stands to a baseline's."""
    better = METRICS.get(metric).better == "higher"
    stated = f"{name[:1].upper()}{name[1:]} reaches {figure(value)}"
    if difference is None:
        return f"{stated}."
    gain = difference.value if better else -difference.value
    way = "better" if gain >= 0 else "worse"
    interval = f"{difference.low:+.3f} to {difference.high:+.3f}"
    certain = difference.low > 0 or difference.high < 0
    verdict = "more than chance" if certain else "which may be chance"
    return (
        f"{stated}: this model is {abs(gain):.3f} {way} on the same pictures"
        f" (95 % interval of the difference {interval}), {verdict}."
    )

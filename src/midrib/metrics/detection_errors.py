"""Why average precision is lost: kinds of error, and what each costs.

Bolya et al., 'TIDE: A General Toolbox for Identifying Object Detection Errors', ECCV 2020
(arXiv 2008.08115), sections 2.2 and 2.3: what is found is wrong in exactly one way, and a kind's
cost is how much AP50 would rise if an oracle mended that kind alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from midrib.metrics.coco import MOST
from midrib.metrics.decisions import Real
from midrib.metrics.matching import FREE, match, same_class
from midrib.metrics.objects import FoundObjects, Shape, TrueObjects, overlaps

Kind = Literal["misnamed", "misplaced", "both", "duplicated", "background", "missed"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_RIGHT, _BACKGROUND = 0.5, 0.1  # overlaps: TIDE's t_f and t_b
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class ErrorKinds:
    """Errors of a set of pictures at an overlap of 0.5, by kind.

    misnamed: at an object, under another class; misplaced: its class, but an overlap of 0.1 to
    0.5; both: misplaced at an object of another class; duplicated: the object was found already,
    with a better score; background: overlaps nothing by 0.1; missed: an object that nothing
    stands for, not even misnamed or misplaced.

    ``counts``: how many. ``costs``: by how much AP50, 0 to 1, would rise without them.
    """

    ap50: float
    counts: Mapping[Kind, int]
    costs: Mapping[Kind, float]


@dataclass(frozen=True, slots=True)
class _Answer:
    """One found object; ``error`` is None where it is right.

    Where mending would make it right, ``meant`` is the free object (picture, index) that it
    stands for then, and ``fixed`` that object's class.
    """

    score: float
    label: int
    error: Kind | None = None
    meant: tuple[int, int] | None = None
    fixed: int = -1


def error_kinds(
    truth: Sequence[TrueObjects],
    found: Sequence[FoundObjects],
    classes: int,
    *,
    shape: Shape = "boxes",
    most: int = MOST,
) -> ErrorKinds:
    """Tell the errors of a set of pictures apart; arguments as for `detection_scores`."""
    answers: list[_Answer] = []
    objects, missed = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for picture, (given, answered) in enumerate(zip(truth, found, strict=True)):
        told, overlooked = _judged(picture, given, answered.best(most), shape)
        answers += told
        objects += np.bincount(given.classes[~given.crowd], minlength=classes)
        missed += np.bincount(given.classes[overlooked], minlength=classes)
    ap50 = _ap50(answers, objects, present := objects > 0)
    mended: dict[Kind, float] = {
        kind: _ap50(_mended(kind, answers), objects, present) for kind in KINDS
    }
    mended["missed"] = _ap50(answers, objects - missed, present)
    counts = Counter(each.error for each in answers)
    return ErrorKinds(
        ap50=ap50,
        counts={kind: counts[kind] for kind in KINDS} | {"missed": int(missed.sum())},
        costs={kind: value - ap50 for kind, value in mended.items()},
    )


def _judged(
    picture: int, truth: TrueObjects, found: FoundObjects, shape: Shape
) -> tuple[list[_Answer], NDArray[np.int64]]:
    """What was found, each with its error, and the indices of objects that were missed."""
    overlap, alike = overlaps(found, truth, shape), same_class(found, truth)
    matches = match(overlap, alike, truth.crowd, _RIGHT)
    real = ~truth.crowd[None]
    own, other = np.where(alike & real, overlap, 0), np.where(~alike & real, overlap, 0)
    free, answers = matches.missed(truth), []
    for row in np.flatnonzero(~matches.ignored):
        error, at = _fault(own[row], other[row]) if matches.taken[row] == FREE else (None, FREE)
        meant = (picture, at) if at in free else None
        fixed = int(truth.classes[at]) if meant else -1
        answers.append(
            _Answer(float(found.scores[row]), int(found.classes[row]), error, meant, fixed)
        )
    reached = [each.meant[1] for each in answers if each.meant]
    return answers, np.setdiff1d(free, np.array(reached, np.int64))


def _fault(own: Real, other: Real) -> tuple[Kind, int]:
    """What is wrong with an answer, by its overlaps with its own and other classes (float, truth).

    With it the index of the true object that mending would give it, or `FREE`. In TIDE's order.
    """
    nearest_own, nearest_other = own.max(initial=0), other.max(initial=0)
    if max(nearest_own, nearest_other) <= _BACKGROUND:
        return "background", FREE
    if _BACKGROUND <= nearest_own < _RIGHT:
        return "misplaced", int(own.argmax())
    if nearest_other >= _RIGHT:
        return "misnamed", int(other.argmax())
    return ("duplicated" if nearest_own >= _RIGHT else "both"), FREE


def _mended(kind: Kind, answers: Sequence[_Answer]) -> list[_Answer]:
    """The answers if none were wrong in this way: made right where that can be, else left out.

    Of answers that mean the same object only the best is made right.
    """
    best: dict[tuple[int, int], _Answer] = {}
    for each in sorted(answers, key=lambda each: -each.score):
        if each.meant:
            best.setdefault(each.meant, each)
    kept = [each for each in answers if each.error != kind]
    right = [each for each in best.values() if each.error == kind]
    return kept + [_Answer(each.score, each.fixed) for each in right]


def _ap50(
    answers: Sequence[_Answer], objects: NDArray[np.int64], present: NDArray[np.bool_]
) -> float:
    """Mean over the ``present`` classes; nan without any."""
    score = np.array([each.score for each in answers])
    label = np.array([each.label for each in answers], np.int64)
    right = np.array([each.error is None for each in answers], np.bool_)
    order = np.argsort(-score, kind="stable")
    label, right = label[order], right[order]
    each = [_class_ap(right[label == place], objects[place]) for place in np.flatnonzero(present)]
    return float(np.mean(each)) if each else float("nan")


def _class_ap(right: NDArray[np.bool_], objects: np.int64) -> float:
    """COCO's average precision of one class, from answers in the order of their scores.

    Where no object is left to be found it is 1 unless something was found.
    """
    if not objects:
        return float(not right.size)
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(hits) + 1)
    highest_beyond = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(hits / objects, _RECALLS, side="left")
    return float(np.append(highest_beyond, 0.0)[place].mean())

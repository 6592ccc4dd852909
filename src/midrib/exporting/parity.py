"""Proof that an exported file answers like the model it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field

from midrib.config import Config
from midrib.datasets import Item
from midrib.engines import Engine
from midrib.errors import ParityError
from midrib.machine import machine_name
from midrib.metrics.decisions import Counts
from midrib.packages import Certificate
from midrib.postprocessing import Suppression, decide, matched, suppress
from midrib.preprocessing import Recipe, read_picture
from midrib.records import Floats, Found, Outputs, PixelBatch
from midrib.tasks import TaskModel

_BATCH = 16
_BATCH_PIXELS = 1 << 21
MAX_PICTURES = 1000

MASKS_AGREE = 0.99
"""Intersection over union from which two masks of one picture are the same."""

SURE = 0.25
"""Score from which on a detector's object must be found by its file too."""


class ParityLimits(Config):
    """How far an exported file may be from its model."""

    max_error: float = Field(default=1e-3, gt=0)
    """Largest absolute difference of any probability or score."""

    max_changed_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of held-out pictures whose decided label may differ."""

    max_lost_share: float = Field(default=0.005, ge=0, lt=1)
    """Share of a detector's sure objects that its file may not find: of the same class, at an IoU
    of 0.95 or more."""

    min_mask_iou: float = Field(default=0.99, gt=0, le=1)
    """Least intersection over union of a segmenter's masks and its file's, of each class over all
    held-out pictures."""


class Errors(NamedTuple):
    """Absolute differences of probabilities or scores: the largest, their sum, how many."""

    largest: float
    total: float
    values: int


class Compared(NamedTuple):
    """Model and file on one batch.

    ``changed``: pictures of which the decision differs. ``objects``: what a detector's model is
    sure of; ``matched``: which of them the file finds too. ``shared`` and ``united``: places of
    each class of pixels that both answer, and that either does; int64, classes.
    """

    errors: Errors
    changed: int
    objects: int = 0
    matched: int = 0
    shared: Counts | None = None
    united: Counts | None = None


def certify(
    model: TaskModel,
    engine: Engine,
    recipe: Recipe,
    items: Sequence[Item],
    *,
    limits: ParityLimits | None = None,
) -> Certificate:
    """Ask model and file the same held-out pictures and compare.

    Args:
        model: in torch.
        engine: the file, loaded.
        recipe: how pictures are prepared for both.
        items: held-out pictures; the first 1,000 are used.
        limits: what is still the same.

    Raises:
        ParityError: they differ by more than ``limits``.
    """
    limits = limits or ParityLimits()
    served = model.served().to("cpu").eval()
    used = items[:MAX_PICTURES]
    compare = _ranked_objects if model.ranked else _COMPARE[model.task]
    found = []
    for pictures in _batches(used, recipe, dynamic_batch=model.dynamic_batch):
        with torch.inference_mode():
            answered = served(torch.from_numpy(pictures))
        of_model = dict(zip(model.outputs, (each.numpy() for each in answered), strict=True))
        found.append(compare(Outputs(**of_model), engine.run(pictures), limits))
    certificate = Certificate(
        pictures=len(used),
        max_error=max(each.errors.largest for each in found),
        mean_error=_mean([each.errors for each in found]),
        changed_decisions=sum(each.changed for each in found),
        objects=sum(each.objects for each in found),
        matched_objects=sum(each.matched for each in found),
        mask_iou=_mask_iou(found),
        engine=f"{engine.name} {engine.version()}",
        machine=machine_name(),
    )
    _require_within(certificate, limits)
    return certificate


def _labels(of_model: Outputs, of_file: Outputs, _: ParityLimits) -> Compared:
    """Probabilities and the most probable class."""
    labels = [str(place) for place in range(of_model.answer.shape[1])]
    decisions = [
        decide(each.answer, labels, positive=None, threshold=0.5) for each in (of_model, of_file)
    ]
    changed = sum(a != b for a, b in zip(*decisions, strict=True))
    return Compared(_errors(of_model.answer - of_file.answer), changed)


def _objects(of_model: Outputs, of_file: Outputs, _: ParityLimits) -> Compared:
    """Scores of all candidates, and the objects that they come to.

    The file's boxes are taken in the order of the model's scores: where many are nearly equal, as
    after one epoch, the last bit of a score would choose which of two candidates covers the other.
    """
    in_order = Outputs(of_model.answer, of_file.embedding, of_file.boxes)
    pairs = list(zip(_sure(of_model, SURE), _sure(in_order, SURE / 2), strict=True))
    missed = [int((matched(promised, found) < 0).sum()) for promised, found in pairs]
    objects = sum(len(promised.scores) for promised, _ in pairs)
    errors = _errors(of_model.answer - of_file.answer)
    return Compared(errors, sum(map(bool, missed)), objects, objects - sum(missed))


def _errors(differences: Floats) -> Errors:
    absolute = np.abs(differences)
    return Errors(float(absolute.max(initial=0)), float(absolute.sum()), absolute.size)


def _mean(errors: Sequence[Errors]) -> float:
    return sum(each.total for each in errors) / max(1, sum(each.values for each in errors))


def _pixels(of_model: Outputs, of_file: Outputs, _: ParityLimits) -> Compared:
    """Probabilities at each place, and the most probable class there."""
    pair = of_model.answer, of_file.answer
    errors = _errors(_probabilities(pair[0]) - _probabilities(pair[1]))
    one, other = (each.argmax(axis=1) for each in pair)
    classes = range(pair[0].shape[1])
    shared, united = (
        np.stack([rule(one == place, other == place).sum(axis=(1, 2)) for place in classes], 1)
        for rule in (np.logical_and, np.logical_or)
    )
    moved = shared < united * MASKS_AGREE
    return Compared(
        errors,
        int(moved.any(axis=1).sum()),
        shared=shared.sum(axis=0),
        united=united.sum(axis=0),
    )


def _probabilities(logits: Floats) -> Floats:
    """Softmax over the second axis."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = raised / raised.sum(axis=1, keepdims=True)
    return probabilities


def _mask_iou(found: Sequence[Compared]) -> float | None:
    """Of the class whose masks agree least; None of other tasks."""
    shared = [each.shared for each in found if each.shared is not None]
    united = [each.united for each in found if each.united is not None]
    if not shared:
        return None
    common, either = np.sum(shared, axis=0), np.sum(united, axis=0)
    return float((common[either > 0] / either[either > 0]).min())


def _ranked_objects(of_model: Outputs, of_file: Outputs, limits: ParityLimits) -> Compared:
    """The objects of one picture alone: candidates of nearly equal scores may change places.

    One that is answered with another score counts as lost. Where the model is sure of nothing,
    both must be as unsure.
    """
    [promised], [found] = _sure(of_model, SURE), _sure(of_file, SURE / 2)
    if not len(promised.scores):
        return Compared(_errors(of_model.answer.max(keepdims=True) - of_file.answer.max()), 0)
    places = matched(promised, found)
    errors = np.abs(promised.scores - np.append(found.scores, np.float32(np.inf))[places])
    kept = errors <= limits.max_error
    return Compared(_errors(errors[kept]), int(not kept.all()), len(kept), int(kept.sum()))


def _sure(outputs: Outputs, least: float) -> list[Found]:
    recipe = Suppression(least_score=least)
    if outputs.boxes is None:
        raise AssertionError("a detector's outputs have boxes")
    return [suppress(*each, recipe) for each in zip(outputs.boxes, outputs.answer, strict=True)]


_COMPARE: dict[str, Callable[[Outputs, Outputs, ParityLimits], Compared]] = {
    "classification": _labels,
    "detection": _objects,
    "segmentation": _pixels,
}


def _batches(items: Sequence[Item], recipe: Recipe, *, dynamic_batch: bool) -> Iterator[PixelBatch]:
    most = min(_BATCH, _BATCH_PIXELS // (recipe.height * recipe.width))
    size = max(1, most) if dynamic_batch else 1
    for start in range(0, len(items), size):
        chosen = items[start : start + size]
        yield np.stack([read_picture(item.path.read_bytes(), recipe) for item in chosen])


def _require_within(certificate: Certificate, limits: ParityLimits) -> None:
    lost = certificate.objects - certificate.matched_objects
    if certificate.objects:
        within = lost <= certificate.objects * limits.max_lost_share
    elif certificate.mask_iou is not None:
        within = certificate.mask_iou >= limits.min_mask_iou
    else:
        share = certificate.changed_decisions / certificate.pictures
        within = share <= limits.max_changed_share
    if certificate.max_error <= limits.max_error and within:
        return
    raise ParityError(
        f"the file's answers differ from the model's by up to {certificate.max_error:.2g}, "
        f"{certificate.changed_decisions} of {certificate.pictures} decisions changed"
        f"{_lost(certificate)}",
        expected=f"at most {limits.max_error:g}, {limits.max_changed_share:.1%} of decisions, "
        f"{limits.max_lost_share:.1%} of objects lost, masks that agree by {limits.min_mask_iou}",
        todo="report this backbone; the package was not written",
    )


def _lost(certificate: Certificate) -> str:
    """What became of objects or masks, in a clause."""
    if certificate.mask_iou is not None:
        return f" and masks agree by {certificate.mask_iou:.3f}"
    lost = certificate.objects - certificate.matched_objects
    return f" and {lost} of {certificate.objects} objects were lost"

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
from midrib.packages import Certificate
from midrib.postprocessing import Suppression, decide, matched, suppress
from midrib.preprocessing import Recipe, read_picture
from midrib.records import Floats, Found, Outputs, PixelBatch
from midrib.tasks import TaskModel

_BATCH = 16
MAX_PICTURES = 1000

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


class Compared(NamedTuple):
    """Model and file on one batch.

    ``errors``: absolute differences of probabilities or scores. ``changed``: pictures of which
    the decision differs. ``objects``: what a detector's model is sure of; ``matched``: which of
    them the file finds too.
    """

    errors: Floats
    changed: int
    objects: int = 0
    matched: int = 0


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
    for pictures in _batches(used, recipe, _BATCH if model.dynamic_batch else 1):
        with torch.inference_mode():
            answered = served(torch.from_numpy(pictures))
        of_model = dict(zip(model.outputs, (each.numpy() for each in answered), strict=True))
        found.append(compare(Outputs(**of_model), engine.run(pictures), limits))
    error = np.concatenate([each.errors.ravel() for each in found])
    certificate = Certificate(
        pictures=len(used),
        max_error=float(error.max(initial=0)),
        mean_error=float(error.mean()) if error.size else 0.0,
        changed_decisions=sum(each.changed for each in found),
        objects=sum(each.objects for each in found),
        matched_objects=sum(each.matched for each in found),
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
    return Compared(np.abs(of_model.answer - of_file.answer), changed)


def _objects(of_model: Outputs, of_file: Outputs, _: ParityLimits) -> Compared:
    """Scores of all candidates, and the objects that they come to."""
    pairs = list(zip(_sure(of_model, SURE), _sure(of_file, SURE / 2), strict=True))
    missed = [int((matched(promised, found) < 0).sum()) for promised, found in pairs]
    objects = sum(len(promised.scores) for promised, _ in pairs)
    errors = np.abs(of_model.answer - of_file.answer)
    return Compared(errors, sum(map(bool, missed)), objects, objects - sum(missed))


def _ranked_objects(of_model: Outputs, of_file: Outputs, limits: ParityLimits) -> Compared:
    """The objects of one picture alone: candidates of nearly equal scores may change places.

    One that is answered with another score counts as lost. Where the model is sure of nothing,
    both must be as unsure.
    """
    [promised], [found] = _sure(of_model, SURE), _sure(of_file, SURE / 2)
    if not len(promised.scores):
        return Compared(np.abs(of_model.answer.max(keepdims=True) - of_file.answer.max()), 0)
    places = matched(promised, found)
    errors = np.abs(promised.scores - np.append(found.scores, np.float32(np.inf))[places])
    kept = errors <= limits.max_error
    return Compared(errors[kept], int(not kept.all()), len(kept), int(kept.sum()))


def _sure(outputs: Outputs, least: float) -> list[Found]:
    recipe = Suppression(least_score=least)
    if outputs.boxes is None:
        raise AssertionError("a detector's outputs have boxes")
    return [suppress(*each, recipe) for each in zip(outputs.boxes, outputs.answer, strict=True)]


_COMPARE: dict[str, Callable[[Outputs, Outputs, ParityLimits], Compared]] = {
    "classification": _labels,
    "detection": _objects,
}


def _batches(items: Sequence[Item], recipe: Recipe, count: int) -> Iterator[PixelBatch]:
    for start in range(0, len(items), count):
        chosen = items[start : start + count]
        yield np.stack([read_picture(item.path.read_bytes(), recipe) for item in chosen])


def _require_within(certificate: Certificate, limits: ParityLimits) -> None:
    lost = certificate.objects - certificate.matched_objects
    if certificate.objects:
        within = lost <= certificate.objects * limits.max_lost_share
    else:
        share = certificate.changed_decisions / certificate.pictures
        within = share <= limits.max_changed_share
    if certificate.max_error <= limits.max_error and within:
        return
    raise ParityError(
        f"the file's answers differ from the model's by up to {certificate.max_error:.2g}, "
        f"{certificate.changed_decisions} of {certificate.pictures} decisions changed and "
        f"{lost} of {certificate.objects} objects were lost",
        expected=f"at most {limits.max_error:g}, {limits.max_changed_share:.1%} of decisions and "
        f"{limits.max_lost_share:.1%} of objects",
        todo="report this backbone; the package was not written",
    )

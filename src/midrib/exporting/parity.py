"""Proof that an exported file answers like the model it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from midrib.datasets import Item
from midrib.engines import Engine
from midrib.errors import ParityError
from midrib.exporting.comparison import (
    MASKS_AGREE,
    Compared,
    Errors,
    ParityLimits,
    errors_of,
)
from midrib.exporting.object_comparison import objects, ranked_objects
from midrib.machine import machine_name
from midrib.packages import Certificate
from midrib.postprocessing import decide
from midrib.preprocessing import Recipe, read_picture
from midrib.records import Floats, Outputs, PixelBatch, Size
from midrib.tasks import TaskModel

_BATCH = 16
_BATCH_PIXELS = 1 << 21
MAX_PICTURES = 1000


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
    compare = _COMPARE[model.task]
    if model.ranked:
        compare = partial(ranked_objects, size=Size(recipe.height, recipe.width))
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
    return Compared(errors_of(of_model.answer - of_file.answer), changed)


def _mean(errors: Sequence[Errors]) -> float:
    return sum(each.total for each in errors) / max(1, sum(each.values for each in errors))


def _pixels(of_model: Outputs, of_file: Outputs, _: ParityLimits) -> Compared:
    """Probabilities at each place, and the most probable class there."""
    pair = of_model.answer, of_file.answer
    errors = errors_of(_probabilities(pair[0]) - _probabilities(pair[1]))
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
    there = either > 0
    return float((common[there] / either[there]).min()) if there.any() else None


_COMPARE: dict[str, Callable[[Outputs, Outputs, ParityLimits], Compared]] = {
    "classification": _labels,
    "detection": objects,
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
    within = certificate.mask_iou is None or certificate.mask_iou >= limits.min_mask_iou
    if certificate.objects:
        within &= lost <= certificate.objects * limits.max_lost_share
    elif certificate.mask_iou is None:
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
    lost = certificate.objects - certificate.matched_objects
    of_objects = f" and {lost} of {certificate.objects} objects were lost"
    if certificate.mask_iou is None:
        return of_objects
    of_masks = f" and masks agree by {certificate.mask_iou:.3f}"
    return of_objects + of_masks if certificate.objects else of_masks

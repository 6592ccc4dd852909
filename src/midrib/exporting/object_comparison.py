"""Whether a detector's file finds what its model finds."""

from __future__ import annotations

import numpy as np

from midrib.exporting.comparison import MASKS_AGREE, Compared, ParityLimits, errors_of
from midrib.pasting import MaskPasting, paste
from midrib.postprocessing import Suppression, matched, suppressed
from midrib.records import Found, Outputs, Size
from midrib.run_lengths import pixels_of_both

SURE = 0.25
"""Score from which on a detector's object must be found by its file too."""


def objects(of_model: Outputs, of_file: Outputs, _: ParityLimits) -> Compared:
    """Scores of all candidates, and the objects that they come to.

    The file's boxes are taken in the order of the model's scores: where many are nearly equal, as
    after one epoch, the last bit of a score would choose which of two candidates covers the other.
    """
    in_order = Outputs(of_model.answer, of_file.embedding, of_file.boxes)
    pairs = list(zip(_sure(of_model, SURE), _sure(in_order, SURE / 2), strict=True))
    missed = [int((matched(promised, found) < 0).sum()) for promised, found in pairs]
    count = sum(len(promised.scores) for promised, _ in pairs)
    errors = errors_of(of_model.answer - of_file.answer)
    return Compared(errors, sum(map(bool, missed)), count, count - sum(missed))


def ranked_objects(
    of_model: Outputs, of_file: Outputs, limits: ParityLimits, *, size: Size
) -> Compared:
    """The objects of one picture alone: candidates of nearly equal scores may change places.

    One that is answered with another score counts as lost. Where the model is sure of nothing,
    both must be as unsure. Masks are compared in pixels of an input of ``size``.
    """
    [promised], [found] = _sure(of_model, SURE, size), _sure(of_file, SURE / 2, size)
    if not len(promised.scores):
        unsure = [each.answer.max(initial=0) for each in (of_model, of_file)]
        return Compared(errors_of(np.array([unsure[0] - unsure[1]])), 0)
    places = matched(promised, found)
    errors = np.abs(promised.scores - np.append(found.scores, np.float32(np.inf))[places])
    kept = errors <= limits.max_error
    compared = Compared(errors_of(errors[kept]), int(not kept.all()), len(kept), int(kept.sum()))
    if of_model.masks is None:
        return compared
    pair = promised.only(np.flatnonzero(kept)), found.only(places[kept])
    return _with_masks(compared, *pair, classes=of_model.answer.shape[2])


def _with_masks(compared: Compared, promised: Found, found: Found, *, classes: int) -> Compared:
    """How far the masks of objects agree that model and file find, one for one."""
    shared, united = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for place, one, other in zip(promised.classes, promised.masks, found.masks, strict=True):
        common, either = pixels_of_both(one, other)
        shared[place] += common
        united[place] += either
    moved = (shared < united * MASKS_AGREE).any()
    changed = max(compared.changed, int(moved))
    return compared._replace(changed=changed, shared=shared, united=united)


def _sure(outputs: Outputs, least: float, size: Size | None = None) -> list[Found]:
    """The objects of each picture; in an input of ``size`` with the masks that there are."""
    recipe = Suppression(least_score=least)
    if outputs.boxes is None:
        raise AssertionError("a detector's outputs have boxes")
    chosen = [suppressed(*each, recipe) for each in zip(outputs.boxes, outputs.answer, strict=True)]
    if outputs.masks is None or size is None:
        return [found for found, _ in chosen]
    rule = MaskPasting(cells=outputs.masks.shape[-1])
    return [
        found._replace(masks=paste(masks[places], found.boxes, size, rule))
        for masks, (found, places) in zip(outputs.masks, chosen, strict=True)
    ]

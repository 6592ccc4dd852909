"""From what a detector's graph answers to the objects of a picture, by the package's card."""

from __future__ import annotations

import numpy as np

from midrib.errors import EngineError
from midrib.packages import Card
from midrib.pasting import paste
from midrib.postprocessing import Suppression, suppressed
from midrib.preprocessing import to_original, to_picture
from midrib.records import Found, Outputs, Size


def objects_of(
    card: Card, outputs: Outputs, row: int, size: Size, *, least_score: float = 0.0
) -> Found:
    """All objects of one picture that are worth a look, in pixels of the picture.

    Args:
        card: the package's.
        outputs: of a batch.
        row: of the picture in it.
        size: of the upright picture.
        least_score: what is less sure is left out before masks are made, which takes its time.

    Raises:
        EngineError: the file answers without boxes, or without the masks that the card tells of.
    """
    if outputs.boxes is None or (card.masks is not None and outputs.masks is None):
        raise _no_objects(card)
    recipe = card.suppression or Suppression()
    found, places = suppressed(outputs.boxes[row], outputs.answer[row], recipe)
    sure = np.flatnonzero(found.scores >= least_score)
    found, places = found.only(sure), places[sure]
    moved = found._replace(boxes=to_original(found.boxes, card.preprocessing, size))
    if card.masks is None or outputs.masks is None:
        return moved
    uncut = to_picture(found.boxes, card.preprocessing, size)
    return moved._replace(masks=paste(outputs.masks[row][places], uncut, size, card.masks))


def _no_objects(card: Card) -> EngineError:
    return EngineError(
        f"the file of {card.name} answers without boxes or masks of objects",
        expected="a detector's, as its card says",
        todo="run 'midrib package verify' on the package",
    )

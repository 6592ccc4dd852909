"""Small name plates at the objects of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from midrib.datasets.annotations import XYXY, Annotation
from midrib.datasets.drawing.legend import Legend, ink_on
from midrib.datasets.drawing.lettering import Font, draw_text, font_for, one_line, text_size
from midrib.records import Pixels

SCORE = "score"
"""The attribute of an object that tells how sure a model is of it; written beside its class."""

_MOST_COVERED = 0.2
"""Share of a picture that name plates may take; where there are more, colours must do."""

_SMALLEST_LETTERS, _LARGEST_LETTERS = 11, 40
_PADDING = 2


@dataclass(frozen=True, slots=True)
class _Plate:
    text: str
    font: Font
    left: int
    top: int
    width: int
    height: int


def draw_tags(pixels: Pixels, placed: Sequence[tuple[Annotation, XYXY]], legend: Legend) -> Pixels:
    """Write the class of each object at its box, in whole pixels; inside the picture always.

    Where a model found the object its score stands beside its class.

    A class that no font has letters for is told by its number in the legend.
    """
    height, width = pixels.shape[:2]
    size = min(max(round(min(height, width) / 28), _SMALLEST_LETTERS), _LARGEST_LETTERS)
    found = [_plate(each, box, legend, size, (height, width)) for each, box in placed]
    if sum(plate.width * plate.height for plate in found) > _MOST_COVERED * height * width:
        return pixels
    image = Image.fromarray(pixels)
    for (annotation, _), plate in zip(placed, found, strict=True):
        colour = legend.colour(annotation.label)
        right, bottom = plate.left + plate.width - 1, plate.top + plate.height - 1
        # Letters are cut at the plate's edge: drawn on it, then put into the picture.
        ground = Image.new("RGB", (plate.width, plate.height), colour)
        draw_text(ground, (_PADDING, _PADDING), plate.text, plate.font, ink_on(colour))
        image.paste(ground, (plate.left, plate.top))
        ImageDraw.Draw(image).rectangle((plate.left, plate.top, right, bottom), outline=colour)
    return np.array(image)


def _plate(
    annotation: Annotation, box: XYXY, legend: Legend, letters: int, size: tuple[int, int]
) -> _Plate:
    """Above the box where there is room, else inside it at its top."""
    height, width = size
    score = dict(annotation.attributes).get(SCORE, "")
    beside = (" (crowd)" if annotation.crowd else "") + (f" {score}" if score else "")
    text = one_line(annotation.label + beside)
    font = font_for(text, letters)
    if font is None or not text:
        text = one_line(f"#{legend.number(annotation.label)}" + (f" {score}" if score else ""))
        font = font_for(text, letters)
    if font is None:
        raise AssertionError("Pillow's own font has digits")
    across, down = text_size(text, font)
    across, down = min(across + 2 * _PADDING, width), min(down + 2 * _PADDING, height)
    left, top = int(box[0]), int(box[1])
    above = top - down if top >= down else top
    return _Plate(text, font, min(left, width - across), min(above, height - down), across, down)

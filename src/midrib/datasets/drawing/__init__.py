"""Labelled pictures to look at: objects drawn into them, and pages of small ones.

sheet_of ─▶ Sheet(tiles) ─▶ a PNG here, an HTML page or a gallery elsewhere
   └── draw_objects: boxes, outlines and masks in the colours of a Legend
"""

from midrib.datasets.drawing.answers import draw_answer, form_of
from midrib.datasets.drawing.legend import RGB, Legend
from midrib.datasets.drawing.objects import draw_objects
from midrib.datasets.drawing.sheet_picture import MAX_COLUMNS, caption, draw_sheet
from midrib.datasets.drawing.sheets import MAX_SIDE, Sheet, Tile, sheet_of

__all__ = [
    "MAX_COLUMNS",
    "MAX_SIDE",
    "RGB",
    "Legend",
    "Sheet",
    "Tile",
    "caption",
    "draw_answer",
    "draw_objects",
    "draw_sheet",
    "form_of",
    "sheet_of",
]

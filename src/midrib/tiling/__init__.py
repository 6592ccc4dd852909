"""Big pictures in overlapping tiles, and what was found in the tiles as one again. Arrays only."""

from midrib.tiling.merging import Boxes, merge_boxes
from midrib.tiling.stitching import stitch
from midrib.tiling.tiles import Tile, tiles_over

__all__ = ["Boxes", "Tile", "merge_boxes", "stitch", "tiles_over"]

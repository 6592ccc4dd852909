"""Big pictures in overlapping tiles, and what was found in the tiles as one again. Arrays only."""

from midrib.tiling.config import Tiling
from midrib.tiling.merging import merge_found
from midrib.tiling.stitching import stitch
from midrib.tiling.tiles import Tile, tiles_over

__all__ = ["Tile", "Tiling", "merge_found", "stitch", "tiles_over"]

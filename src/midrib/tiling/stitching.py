"""Maps of tiles, such as probabilities of each pixel, to one map of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midrib.records import Floats
from midrib.tiling.tiles import Tile


def stitch(parts: Sequence[tuple[Tile, Floats]], height: int, width: int) -> Floats:
    """One map; where tiles overlap each counts the more the farther the pixel is from its edge.

    Args:
        parts: tiles that cover the picture, each with its map, float32, tile height × tile width
            × channels. A mask is a map of one channel of 0 and 1: take what is above 0.5.
        height: of the picture, in pixels.
        width: of the picture, in pixels.

    Returns:
        float32, height × width × channels; 0 where no tile is.
    """
    channels = parts[0][1].shape[2] if parts else 1
    total = np.zeros((height, width, channels), np.float32)
    weights = np.zeros((height, width, 1), np.float32)
    for tile, values in parts:
        weight = (_ramp(tile.height)[:, None] * _ramp(tile.width)[None])[..., None]
        total[tile.top : tile.bottom, tile.left : tile.right] += weight * values
        weights[tile.top : tile.bottom, tile.left : tile.right] += weight
    return np.divide(total, weights, out=total, where=weights > 0)


def _ramp(side: int) -> Floats:
    """From 1 at the ends up to half the side in the middle."""
    places = np.arange(side, dtype=np.float32)
    return np.minimum(places, places[::-1]) + 1

"""The rim of a mask: what lies within a distance of its outline."""

from __future__ import annotations

import math

import numpy as np

from midrib.metrics.objects import Flags

SHARE = 0.02
"""Distance as a share of the picture's diagonal: Cheng et al., arXiv 2103.16562, section 5.1."""


def boundary_pixels(height: int, width: int, share: float = SHARE) -> int:
    """How far a rim reaches inwards, in pixels, at least 1."""
    return max(1, round(share * math.hypot(height, width)))


def rim(mask: Flags, pixels: int) -> Flags:
    """Pixels of ``mask`` (bool, height × width) that lie within ``pixels`` of one outside it.

    Distance is counted along rows and columns alike (a square reaches as far in its corners);
    beyond the picture is outside.
    """
    side = 2 * pixels + 1
    sums = np.zeros((mask.shape[0] + side, mask.shape[1] + side), np.int64)
    sums[1:, 1:] = np.pad(mask, pixels).cumsum(axis=0).cumsum(axis=1)
    # Pixels of the mask in the square around each pixel: all of it where nothing is outside.
    around = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    edge: Flags = mask & (around < side * side)
    return edge

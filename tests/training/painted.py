"""Scenes whose objects can be seen in the pixels: bright on a dark ground, one of each kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from midrib.datasets.annotations import Polygon
from midrib.datasets.masks import rasterize
from midrib.training.scenes import Scene

GROUND, OBJECT = 40, 200


@st.composite
def painted_scenes(
    draw: st.DrawFn, *, corners: Sequence[int] = (3, 4), with_masks: bool = True
) -> Scene:
    """A picture with one painted triangle or rectangle, its outline, its box, its mask."""
    height, width = draw(st.integers(40, 120)), draw(st.integers(40, 120))
    left = draw(st.integers(0, width - 20))
    top = draw(st.integers(0, height - 20))
    right = draw(st.integers(left + 16, width))
    bottom = draw(st.integers(top + 16, height))
    around = [left, top, right, top, right, bottom, left, bottom]
    polygon: Polygon = tuple(map(float, around[: 2 * draw(st.sampled_from(corners))]))
    return painted(height, width, polygon, with_masks=with_masks)


def painted(height: int, width: int, polygon: Polygon, *, with_masks: bool = True) -> Scene:
    mask = rasterize([polygon], height, width)
    pixels = np.full((height, width, 3), GROUND, np.uint8)
    pixels[mask] = OBJECT
    return Scene(
        pixels,
        boxes=span(mask)[None],
        classes=np.array([3], np.int64),
        polygons=((polygon,),),
        masks=mask[None] if with_masks else None,
    )


def span(mask: np.ndarray) -> np.ndarray:
    """The box of the pixels that are True."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def seen(pixels: np.ndarray) -> np.ndarray:
    """Where the object is in the pixels, whatever was done to their brightness."""
    grey = pixels.astype(float).mean(axis=2)
    return grey > 0.6 * grey.max()

"""Outlines cut to a frame cover what they covered inside of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.datasets.clipping import box_area, clipped_box, clipped_polygon, polygon_area
from midrib.datasets.masks import rasterize

SIDE = 40
numbers = st.integers(0, SIDE)


@st.composite
def steps(draw: st.DrawFn) -> tuple[float, ...]:
    """A staircase of right angles: its area is a number of pixels."""
    heights = draw(st.lists(st.integers(1, 30), min_size=1, max_size=6))
    width = draw(st.integers(1, 6))
    points: list[float] = []
    for index, height in enumerate(heights):
        points += [index * width, height, (index + 1) * width, height]
    return (*map(float, points), float(len(heights) * width), 0.0, 0.0, 0.0)


@st.composite
def frames(draw: st.DrawFn) -> tuple[float, float, float, float]:
    left, top = draw(st.integers(0, SIDE - 2)), draw(st.integers(0, SIDE - 2))
    return left, top, draw(st.integers(left + 1, SIDE)), draw(st.integers(top + 1, SIDE))


@given(steps(), frames())
def test_a_cut_outline_covers_what_the_whole_covered_there(
    polygon: tuple[float, ...], frame: tuple[float, float, float, float]
) -> None:
    """Pixel by pixel, the cut outline covers exactly what the whole one does inside the frame."""
    left, top, right, bottom = map(int, frame)
    expected = np.zeros((SIDE, SIDE), np.bool_)
    expected[top:bottom, left:right] = rasterize([polygon], SIDE, SIDE)[top:bottom, left:right]
    cut = clipped_polygon(polygon, frame)
    if cut is None:
        assert not expected.any()
        return
    assert polygon_area(cut) == pytest.approx(expected.sum())
    np.testing.assert_array_equal(rasterize([cut], SIDE, SIDE), expected)


@given(frames(), frames())
def test_boxes_are_cut_as_their_outlines_are(
    box: tuple[float, float, float, float], frame: tuple[float, float, float, float]
) -> None:
    """A box and its four corners as an outline have the same part in the frame."""
    left, top, right, bottom = box
    cut = clipped_box(box, frame)
    outline = clipped_polygon((left, top, right, top, right, bottom, left, bottom), frame)
    assert (cut is None) == (outline is None)
    if cut is not None and outline is not None:
        assert box_area(cut) == pytest.approx(polygon_area(outline))

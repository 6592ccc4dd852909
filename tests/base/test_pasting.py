from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from midrib.pasting import MaskPasting, paste
from midrib.records import Rle, Size
from midrib.run_lengths import (
    MaskError,
    decode_runs,
    encode_runs,
    encode_within,
    pixels_of_both,
)

SIDES = st.integers(1, 12)
RULE = MaskPasting(cells=28)


@st.composite
def parts(draw: st.DrawFn) -> tuple[np.ndarray, int, int, Size]:
    """A part, perhaps without pixels, anywhere in a picture, perhaps over all of it."""
    size = Size(draw(SIDES), draw(SIDES))
    top, left = draw(st.integers(0, size.height)), draw(st.integers(0, size.width))
    rows = draw(st.integers(0, size.height - top))
    columns = draw(st.integers(0, size.width - left))
    return draw(drawn.arrays(np.bool_, (rows, columns))), left, top, size


@given(parts())
def test_a_part_is_encoded_as_the_whole_picture_would_be(
    given_: tuple[np.ndarray, int, int, Size],
) -> None:
    """Run lengths made of a part alone are those of the picture, to the character."""
    part, left, top, size = given_
    whole = np.zeros(size, np.bool_)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    assert encode_within(part, left, top, size) == encode_runs(whole)


@given(SIDES, SIDES, st.data())
def test_shared_pixels_are_counted_from_runs(height: int, width: int, data: st.DataObject) -> None:
    """Intersection and union are those of the decoded masks; of two pictures they are refused."""
    one, other = (data.draw(drawn.arrays(np.bool_, (height, width))) for _ in range(2))
    counted = pixels_of_both(encode_runs(one), encode_runs(other))
    assert counted == ((one & other).sum(), (one | other).sum())
    with pytest.raises(MaskError, match="for another picture"):
        pixels_of_both(encode_runs(one), encode_runs(np.ones((height + 1, width), np.bool_)))


def pasted(mask: np.ndarray, box: tuple[float, ...], size: Size) -> np.ndarray:
    [rle] = paste(mask[None], np.array([box], np.float32), size, RULE)
    assert (rle.height, rle.width) == size
    return decode_runs(rle)


@given(drawn.arrays(np.bool_, (28, 28)), st.integers(-30, 40), st.integers(-30, 40))
def test_cells_of_a_pixel_each_are_copied(mask: np.ndarray, left: int, top: int) -> None:
    """In a box of 28 × 28 whole pixels the mask comes out as it is, cut at the picture's edges."""
    size = Size(35, 50)
    expected = np.zeros((35 + 120, 50 + 120), np.bool_)
    expected[60 + top : 88 + top, 60 + left : 88 + left] = mask
    found = pasted(mask.astype(np.float32), (left, top, left + 28, top + 28), size)
    np.testing.assert_array_equal(found, expected[60:95, 60:110])


@given(st.tuples(*[st.floats(-20, 60)] * 2), st.tuples(*[st.floats(0.1, 90)] * 2))
def test_a_full_mask_covers_the_pixels_of_its_box(
    corner: tuple[float, float], sides: tuple[float, float]
) -> None:
    """Where all of a box is the object's, its pixels are those whose centres lie in the box."""
    left, top = (np.float32(each) for each in corner)
    right, bottom = (np.float32(low + side) for low, side in zip(corner, sides, strict=True))
    rows, columns = np.arange(40) + 0.5, np.arange(70) + 0.5
    edges = np.concatenate([rows[:, None] - [top, bottom], columns[:, None] - [left, right]])
    assume(np.abs(edges).min() > 1e-3)  # on an edge rounding decides
    inside = ((rows > top) & (rows < bottom))[:, None] & (columns > left) & (columns < right)
    found = pasted(np.ones((28, 28), np.float32), (left, top, right, bottom), Size(40, 70))
    strays = found != inside
    # In a corner of the box both axes fade, so that its last pixel may be missing.
    assert not (found & ~inside).any()
    assert strays.sum() <= 4


def test_objects_without_extent_have_no_pixels() -> None:
    """A box without area, one beyond the picture and no box at all are answered, and empty."""
    size = Size(10, 10)
    full = np.ones((2, 28, 28), np.float32)
    boxes = np.array([[3, 3, 3, 8], [40, 40, 50, 50]], np.float32)
    empty = Rle(10, 10, encode_runs(np.zeros(size, np.bool_)).counts)
    assert paste(full, boxes, size, RULE) == (empty, empty)
    assert paste(full[:0], boxes[:0], size, RULE) == ()


def test_large_objects_are_decided_strip_by_strip() -> None:
    """A mask of many strips is that of the same object in a smaller picture, enlarged."""
    random = np.random.default_rng(0)
    mask = random.random((28, 28), np.float32)
    size = Size(1120, 5600)
    large = pasted(mask, (0, 0, 5600, 1120), size)
    small = pasted(mask, (0, 0, 280, 56), Size(56, 280))
    assert (large[10::20, 10::20] == small).mean() > 0.98

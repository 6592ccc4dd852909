"""Masks, their run lengths and their outlines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from midrib.datasets.annotations import Rle
from midrib.datasets.masks import (
    Mask,
    MaskError,
    area_of,
    checked_rle,
    decode_mask,
    encode_mask,
    joined,
    outline,
    rasterize,
    rle_from_runs,
    span_of,
)

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


def runs_of(mask: Mask) -> list[int]:
    """Runs of 0 and 1, column by column, counted one pixel after the other."""
    runs, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


@given(masks)
def test_decoding_gives_the_mask_back(mask: Mask) -> None:
    """Encoded by pycocotools and decoded here, a mask is the same; so are its plain runs."""
    rle = encode_mask(mask)
    np.testing.assert_array_equal(decode_mask(rle), mask)
    assert rle_from_runs(runs_of(mask), *mask.shape) == rle
    assert checked_rle(rle) == rle
    assert area_of(rle) == mask.sum()


@given(masks)
def test_outlines_cover_the_same_pixels(mask: Mask) -> None:
    """Outlines of any mask, holes and islands included, are rasterized to the same mask."""
    polygons = outline(mask)
    np.testing.assert_array_equal(rasterize(polygons, *mask.shape), mask)
    if polygons:
        np.testing.assert_array_equal(rasterize([joined(polygons)], *mask.shape), mask)
        ys, xs = np.nonzero(mask)
        assert span_of(encode_mask(mask)) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@given(st.text(max_size=12), st.integers(-1, 9), st.integers(-1, 9))
def test_foreign_strings_are_masks_or_errors(counts: str, height: int, width: int) -> None:
    """Whatever stands where run lengths should is decoded to its size or refused."""
    try:
        mask = decode_mask(Rle(height, width, counts))
    except MaskError as problem:
        assert problem.came  # noqa: PT017 - either way is right
    else:
        assert mask.shape == (height, width)


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ([4, 5], "cover 9 pixels of 8"),
        ([9, -1], "negative"),
        ([10**30], "not all whole numbers"),
        ([1] * 10, "10 runs for 8 pixels"),
    ],
)
def test_runs_that_are_not_of_the_size_are_refused(runs: list[int], why: str) -> None:
    """Plain runs have to add up to the picture."""
    with pytest.raises(MaskError, match=why):
        rle_from_runs(runs, 2, 4)


def test_what_lies_far_away_is_not_rasterized() -> None:
    """A corner far beyond the picture would cost memory without end."""
    with pytest.raises(MaskError, match="far beyond"):
        rasterize([(0.0, 0.0, 1e9, 0.0, 0.0, 1e9)], 4, 4)
    assert not rasterize([], 4, 4).any()

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from midrib.datasets.masks import encode_mask
from midrib.records import Rle
from midrib.run_lengths import MaskError, decode_runs, encode_runs

SIDES = st.integers(1, 40)


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Noise, or large areas whose runs take several characters."""
    height, width = draw(SIDES), draw(SIDES)
    if draw(st.booleans()):
        return draw(drawn.arrays(np.bool_, (height, width)))
    mask = np.zeros((height * 30, width * 30), np.bool_)
    rows, columns = (sorted((draw(SIDES) * 30, draw(SIDES) * 30)) for _ in range(2))
    mask[slice(*rows), slice(*columns)] = True
    return mask ^ draw(st.booleans())


@given(masks())
def test_masks_are_encoded_as_pycocotools_does(mask: np.ndarray) -> None:
    """The string is COCO's to the character, and gives the same mask back."""
    encoded = encode_runs(mask)
    assert encoded == encode_mask(mask)
    assert np.array_equal(decode_runs(encoded), mask)


def test_an_impossible_mask_is_refused() -> None:
    """A mask that is too large, and a string for another size, are told."""
    with pytest.raises(MaskError, match="0 × 5 pixels"):
        encode_runs(np.zeros((5, 0), np.bool_))
    with pytest.raises(MaskError, match="cover 4 pixels of 9"):
        decode_runs(Rle(3, 3, encode_runs(np.ones((2, 2), np.bool_)).counts))

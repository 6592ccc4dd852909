from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midrib.datasets.copies import candidates
from midrib.datasets.copies.fingerprints import WINDOWS

_MOST_A_PICTURE = len(candidates._FLIPS) * candidates._MOST_FOUND


@settings(max_examples=10)
@given(
    pictures=st.sampled_from([1200, 2400]),
    different=st.integers(1, 2400),
    band=st.integers(0, candidates._BANDS - 1),
    seed=st.integers(0, 99),
)
def test_comparisons_of_fingerprints_grow_with_the_pictures(
    pictures: int, different: int, band: int, seed: int
) -> None:
    """However alike pictures are, each is compared with a bounded number of others a band."""
    random = np.random.default_rng(seed)
    some = random.integers(0, 1 << 63, (different, len(WINDOWS)), dtype=np.uint64)
    hashes = some[random.integers(0, different, pictures)]
    index = candidates._Band(hashes, band)
    asked = index._band_first(hashes[:, 0])
    shift = np.uint64(63 - candidates._BAND_BITS)
    comparisons = sum(
        len(index._in_buckets(asked ^ (flips << shift))[1]) for flips in candidates._FLIPS
    )
    assert comparisons <= pictures * _MOST_A_PICTURE

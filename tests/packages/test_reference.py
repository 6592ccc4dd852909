from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midrib.packages import PICTURE_STATISTICS, EmbeddingSketch, picture_statistics
from midrib.packages.reference import Histogram

VALUES = arrays(
    np.float32, st.integers(1, 200), elements=st.floats(-1e6, 1e6, width=32, allow_nan=False)
)


def plain(red: int, green: int, blue: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((1, 32, 32, 3), (red, green, blue), np.uint8)


def statistic(name: str, pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
    return float(picture_statistics(pictures)[0, PICTURE_STATISTICS.index(name)])


@given(arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(24), st.just(28), st.just(3))))
def test_statistics_are_between_0_and_1(
    pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> None:
    """Any pictures give four finite numbers each, between 0 and 1."""
    found = picture_statistics(pictures)
    assert found.shape == (len(pictures), len(PICTURE_STATISTICS))
    assert ((found >= 0) & (found <= 1 + 1e-6)).all()


def test_statistics_mean_what_they_are_called() -> None:
    """Each statistic rises with what it is named after and with nothing else here."""
    stripes = plain(0, 0, 0)
    stripes[:, :, ::8] = 255
    assert statistic("brightness", plain(255, 255, 255)) > statistic("brightness", plain(9, 9, 9))
    assert statistic("contrast", plain(80, 80, 80)) < 1e-6 < statistic("contrast", stripes)
    assert statistic("saturation", plain(80, 80, 80)) < 1e-6
    assert statistic("saturation", plain(255, 0, 0)) > 0.99
    assert statistic("sharpness", plain(80, 80, 80)) < 1e-6 < statistic("sharpness", stripes)


@given(VALUES)
def test_histogram_shares_sum_to_one(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    """Shares are one more than edges, ascend in edges and sum to 1."""
    histogram = Histogram.of(values)
    assert len(histogram.shares) == len(histogram.edges) + 1
    assert histogram.edges == sorted(set(histogram.edges))
    np.testing.assert_allclose(sum(histogram.shares), 1, atol=1e-5)


@given(VALUES)
def test_histogram_finds_its_own_shares(
    values: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> None:
    """The values that made a histogram have its shares, also after JSON."""
    histogram = Histogram(**Histogram.of(values).model_dump(mode="json"))
    np.testing.assert_allclose(histogram.shares_of(values), histogram.shares, atol=1e-6)


def test_many_values_fill_the_bins_alike() -> None:
    """A continuous quantity has bins of nearly equal share."""
    values = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    np.testing.assert_allclose(Histogram.of(values).shares, 0.1, atol=0.01)


def test_sketch_is_the_same_everywhere() -> None:
    """The projection depends on its options only: a golden value, for logs outlive processes."""
    sketch = EmbeddingSketch(embedding_size=4, dimensions=2)
    projected = sketch.project(np.eye(4, dtype=np.float32))
    golden = [
        [-0.943117, 0.512849],
        [0.323123, -0.931655],
        [0.907839, -0.142852],
        [0.30917, -0.36775],
    ]
    np.testing.assert_allclose(projected, golden, atol=1e-5)


def test_sketch_keeps_distances_roughly() -> None:
    """Squared distances survive the projection within the spread that its size allows."""
    random = np.random.default_rng(1)
    points = random.normal(size=(40, 512)).astype(np.float32)
    sketch = EmbeddingSketch(embedding_size=512, dimensions=64)
    before = np.square(points[:20] - points[20:]).sum(axis=1)
    after = np.square(sketch.project(points[:20]) - sketch.project(points[20:])).sum(axis=1)
    assert np.abs(after / before - 1).mean() < 3 * np.sqrt(2 / 64)

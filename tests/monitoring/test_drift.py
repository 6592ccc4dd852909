from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from midrib.monitoring import compare, population_stability_index
from midrib.monitoring.drift import chi_squared_99, mahalanobis_squared, pictures_needed

counts = st.lists(st.integers(0, 1000), min_size=2, max_size=12)


@given(counts)
def test_equal_counts_have_no_divergence(bins: list[int]) -> None:
    """The same counts on both sides give an index of exactly 0."""
    assert population_stability_index(np.array(bins), np.array(bins)) == 0


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=12))
def test_index_is_finite_symmetric_and_not_negative(pairs: list[tuple[int, int]]) -> None:
    """Whatever the counts, empty bins included, the index is a finite distance."""
    live, reference = np.array(pairs).T
    index = population_stability_index(live, reference)
    assert 0 <= index < 100
    assert index == pytest.approx(population_stability_index(reference, live))


def test_index_is_the_textbook_sum() -> None:
    """With many pictures the index is sum((p - q) ln(p / q))."""
    live, reference = np.array([2e8, 3e8, 5e8]), np.array([4e8, 4e8, 2e8])
    expected = -0.2 * np.log(0.5) - 0.1 * np.log(0.75) + 0.3 * np.log(2.5)
    assert population_stability_index(live, reference) == pytest.approx(expected)


@pytest.mark.parametrize("freedom", [1, 2, 5, 8, 9, 30])
def test_quantile_agrees_with_scipy(freedom: int) -> None:
    """The 99 % quantile is within 1 % of the exact one."""
    assert chi_squared_99(freedom) == pytest.approx(stats.chi2.ppf(0.99, freedom), rel=0.01)


def test_chance_alone_rarely_passes_its_bound() -> None:
    """Of pairs of samples from one law, about 1 in 100 diverge by more than ``by_chance``."""
    random = np.random.default_rng(0)
    beyond_index = beyond_distance = 0
    for _ in range(500):
        live, reference = random.multinomial(200, [0.1] * 10), random.multinomial(400, [0.1] * 10)
        index = population_stability_index(live, reference)
        beyond_index += index > compare("", index, freedom=9, pictures=200, reference=400).by_chance
        ours, theirs = random.normal(size=(200, 8)), random.normal(size=(400, 8))
        away = mahalanobis_squared(ours.mean(0), theirs.mean(0), np.cov(theirs.T))
        beyond_distance += (
            away > compare("", away, freedom=8, pictures=200, reference=400).by_chance
        )
    assert beyond_index <= 15
    assert beyond_distance <= 15


@pytest.mark.parametrize(
    ("divergence", "pictures", "verdict"),
    [
        (0.01, 2000, "steady"),
        (0.15, 2000, "shifted"),
        (0.40, 2000, "drifted"),
        (0.01, 50, "too few to tell"),
        (0.15, 50, "too few to tell"),
        (3.00, 50, "drifted"),
        (3.00, 10, "too few to tell"),
    ],
)
def test_verdicts(divergence: float, pictures: int, verdict: str) -> None:
    """Few pictures tell nothing, unless what they show is far beyond chance."""
    comparison = compare("x", divergence, freedom=9, pictures=pictures, reference=1000)
    assert comparison.verdict == verdict
    assert (pictures < comparison.needed) == (pictures < 250)


def test_needed_pictures_fall_with_a_larger_reference_and_stay_within_reach() -> None:
    """A small reference asks for more pictures, but never for more than can come."""
    needed = [pictures_needed(9, reference) for reference in (100_000, 1000, 400, 150, 10)]
    assert needed[0] < needed[1] < needed[2]
    assert max(needed) < 1000


def test_distance_of_means_counts_in_standard_deviations() -> None:
    """Two standard deviations along one axis are a squared distance of 4."""
    covariance = np.diag([4.0, 9.0])
    distance = mahalanobis_squared(np.array([4.0, 0.0]), np.zeros(2), covariance)
    assert distance == pytest.approx(4, rel=1e-4)
    assert np.isnan(mahalanobis_squared(np.ones(2), np.zeros(2), np.zeros((2, 2))))

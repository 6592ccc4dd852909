"""Whether live numbers still look like the reference's. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating]
Verdict = Literal["steady", "shifted", "drifted", "too few to tell"]

# The usual marks of the population stability index: N. Siddiqi, 'Credit Risk Scorecards', Wiley
# 2006, chapter 7. The index is the symmetric Kullback-Leibler divergence of binned shares, and
# the squared Mahalanobis distance is that divergence for two Gaussians of equal covariance
# (S. Kullback, 'Information Theory and Statistics', 1959, section 9.1), so one scale serves both.
SHIFTED_FROM = 0.1
DRIFTED_FROM = 0.25

_LEAST_PICTURES = 30
# With few pictures chance alone makes divergence. We tell nothing while it is expected to make
# half of what we call shifted, unless the reference is so small that more hardly help.
_ALLOWED_CHANCE = SHIFTED_FROM / 2
_REFERENCE_BOUND = 1.5
_NORMAL_99 = 2.3263


@dataclass(frozen=True)
class Comparison:
    """One live measure against its reference.

    ``divergence``: population stability index, or squared Mahalanobis distance; 0 is equal.
    ``by_chance``: what 99 of 100 equal samples of these sizes stay below.
    ``pictures``: live ones that were compared. ``needed``: how many a verdict takes.
    """

    measure: str
    verdict: Verdict
    divergence: float
    by_chance: float
    pictures: int
    needed: int

    def as_record(self) -> dict[str, object]:
        """JSON-ready fields."""
        record = asdict(self)
        return {**record, **{key: round(record[key], 4) for key in ("divergence", "by_chance")}}


def compare(
    measure: str, divergence: float, *, freedom: int, pictures: int, reference: int
) -> Comparison:
    """Give ``divergence`` its verdict.

    Without drift a divergence is about (1/pictures + 1/reference) times a chi-squared variable:
    B. Yurdakul and J. Naranjo, 'Statistical properties of the population stability index',
    Journal of Risk Model Validation 14(4), 2020; for the mean of Gaussians, Hotelling 1931.

    Args:
        measure: what is compared.
        divergence: 0 or more.
        freedom: bins - 1, or dimensions.
        pictures: live ones.
        reference: pictures that the reference was made of.
    """
    unit = 1 / max(1, pictures) + 1 / max(1, reference)
    by_chance = chi_squared_99(freedom) * unit
    needed = pictures_needed(freedom, reference)
    verdict: Verdict = "steady" if pictures >= needed else "too few to tell"
    if divergence > by_chance and divergence >= SHIFTED_FROM and pictures >= _LEAST_PICTURES:
        verdict = "drifted" if divergence >= DRIFTED_FROM else "shifted"
    return Comparison(measure, verdict, divergence, by_chance, pictures, needed)


def pictures_needed(freedom: int, reference: int) -> int:
    """Live pictures from which a small divergence is more than chance."""
    from_reference = freedom / max(1, reference)
    allowed = max(_ALLOWED_CHANCE, _REFERENCE_BOUND * from_reference)
    return max(_LEAST_PICTURES, ceil(freedom / (allowed - from_reference))) if freedom else 1


def population_stability_index(live: Real, reference: Real) -> float:
    """Sum over bins of (live - reference) · ln(live / reference), of shares; 0 is equal.

    Args:
        live: pictures in each bin, float, bins.
        reference: the same of the reference. Half a picture is added to every bin of both, so
            that an empty one costs what its size can tell, not infinity.
    """
    p = (live + 0.5) / (live.sum() + 0.5 * len(live))
    q = (reference + 0.5) / (reference.sum() + 0.5 * len(reference))
    return float(np.sum((p - q) * np.log(p / q)))


def mahalanobis_squared(mean: Real, reference_mean: Real, covariance: Real) -> float:
    """Squared distance of two means (float, dimensions) in units of ``covariance``.

    Covariance of few pictures is singular: a millionth of its mean variance is added to its
    diagonal. nan when it has none.
    """
    variance = float(np.trace(covariance)) / len(covariance)
    if not variance > 0:
        return float("nan")
    steadied = covariance + np.eye(len(covariance)) * variance * 1e-6
    away = mean - reference_mean
    return float(away @ np.linalg.solve(steadied, away))


def chi_squared_99(freedom: int) -> float:
    """The 99 % quantile of chi-squared, within 1 %: Wilson and Hilferty, PNAS 17, 1931."""
    if not freedom:
        return 0.0
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + _NORMAL_99 * sqrt(spread)) ** 3)

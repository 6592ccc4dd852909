"""Reference statistics: what validation pictures, embeddings and answers looked like.

Monitoring compares live traffic with these; the same functions make both sides.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Self

import numpy as np
from pydantic import Field

from midrib.config import Config
from midrib.records import Floats, PixelBatch

PICTURE_STATISTICS = ("brightness", "contrast", "saturation", "sharpness")
_HISTOGRAM_BINS = 10
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601-7, section 2.5.1


def picture_statistics(pictures: PixelBatch) -> Floats:
    """Four numbers a picture, in the order of ``PICTURE_STATISTICS``, each 0 to 1.

    Args:
        pictures: uint8, count × height × width × 3.

    Returns:
        float32, count × 4: mean of luma; standard deviation of luma; mean of the channels'
        spread; mean absolute difference of neighbouring luma in rows.
    """
    # Every fourth row and column tells the same and keeps this off the hot path's bill; planes
    # instead of interleaved channels make it five times faster.
    planes = np.ascontiguousarray(pictures[:, ::4, ::4].transpose(3, 0, 1, 2))
    luma = np.tensordot(_LUMA, planes.astype(np.float32), axes=1) / np.float32(255)
    spread = planes.max(axis=0) - planes.min(axis=0)
    return np.stack(
        [
            luma.mean(axis=(1, 2)),
            luma.std(axis=(1, 2)),
            spread.mean(axis=(1, 2)) / 255,
            np.abs(np.diff(luma, axis=2)).mean(axis=(1, 2)),
        ],
        axis=1,
    ).astype(np.float32)


class EmbeddingSketch(Config):
    """A fixed random projection of embeddings: a few numbers that keep distances roughly.

    Johnson and Lindenstrauss, 1984; Gaussian entries scaled by 1/sqrt(dimensions).
    """

    embedding_size: int = Field(gt=0)
    dimensions: int = Field(default=8, gt=0)
    seed: int = 20

    def project(self, embeddings: Floats) -> Floats:
        """float32, count × embedding_size to float32, count × dimensions."""
        projected: Floats = embeddings @ _projection(
            self.embedding_size, self.dimensions, self.seed
        )
        return projected


class Histogram(Config):
    """Shares of values between edges; the outermost bins are open to both sides."""

    edges: list[float]
    """Inner edges, ascending: one fewer than shares."""

    shares: list[float]
    """Share of the reference in each bin; they sum to 1."""

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Bins of (nearly) equal share, from the deciles of one-dimensional ``values``."""
        quantiles = np.linspace(0, 1, _HISTOGRAM_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(values.astype(np.float64), quantiles))
        return cls(edges=edges.tolist(), shares=_shares(values, edges).tolist())

    def shares_of(self, values: Floats) -> Floats:
        """Shares of other one-dimensional ``values`` in the same bins."""
        return _shares(values, np.array(self.edges))


class Reference(Config):
    """Statistics of the validation split, through the packaged file."""

    pictures: int
    class_shares: dict[str, float]
    """Share of each decided label."""

    confidence: Histogram
    """Of the decided label's probability."""

    statistics: dict[str, Histogram]
    """By name of ``PICTURE_STATISTICS``."""

    sketch: EmbeddingSketch
    sketch_mean: list[float]
    sketch_covariance: list[list[float]]
    """Of the projected embeddings."""


@lru_cache(maxsize=8)
def _projection(embedding_size: int, dimensions: int, seed: int) -> Floats:
    """float32, embedding_size × dimensions. The log projects one picture at a time."""
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((embedding_size, dimensions), dtype=np.float32)
    return matrix / np.float32(np.sqrt(dimensions))


def _shares(values: Floats, edges: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Floats:
    bins = np.searchsorted(edges, values.astype(np.float64), side="right")
    return (np.bincount(bins, minlength=len(edges) + 1) / max(1, len(values))).astype(np.float32)

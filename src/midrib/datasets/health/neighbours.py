"""Nearest neighbours among embeddings, at a cost that grows with the pictures and not their square.

Every picture is compared with the same references: all pictures up to a bound, beyond it a draw
that depends on contents alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midrib.records import Floats

COUNT = 10
"""Neighbours of each picture."""

MOST_REFERENCES = 10_000
_BLOCK = 1024


@dataclass(frozen=True)
class Neighbours:
    """The nearest of each picture, nearest first, copies of itself left out.

    ``places`` (int64, pictures × neighbours) are places among all pictures, -1 where there are
    fewer; ``similarity`` (float32, the same shape) is the cosine, -1 to 1, there -inf.
    """

    places: NDArray[np.int64]
    similarity: Floats

    @property
    def distance(self) -> Floats:
        """1 less the mean cosine of each picture to its neighbours: float32, pictures."""
        there = self.places >= 0
        total = np.where(there, self.similarity, 0).sum(axis=1)
        distance: Floats = (1 - total / np.maximum(1, there.sum(axis=1))).astype(np.float32)
        return distance


def find_neighbours(
    embeddings: Floats, contents: Sequence[str], *, most_references: int = MOST_REFERENCES
) -> Neighbours:
    """Find the `COUNT` nearest of every picture by cosine.

    Args:
        embeddings: float32, pictures × features.
        contents: SHA-256 of each picture; equal ones are no neighbours of each other.
        most_references: how many pictures each one is compared with.
    """
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    _, content = np.unique(np.asarray(contents), return_inverse=True)
    # A hash of the content is as good as a lot, and does not depend on names or order.
    references = np.argsort(np.asarray(contents), kind="stable")[:most_references]
    count = min(COUNT, len(references))
    places = np.full((len(unit), count), -1, np.int64)
    similarity = np.full((len(unit), count), -np.inf, np.float32)
    for start in range(0, len(unit), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosine = unit[rows] @ unit[references].T
        cosine[content[rows, None] == content[references]] = -np.inf
        nearest = np.argpartition(-cosine, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(cosine, nearest, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        similarity[rows] = np.take_along_axis(found, order, axis=1)
        places[rows] = references[np.take_along_axis(nearest, order, axis=1)]
    places[np.isneginf(similarity)] = -1
    return Neighbours(places, similarity)

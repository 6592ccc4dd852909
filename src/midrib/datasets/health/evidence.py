"""What checks look at: the dataset, and what several of them need worked out only once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from midrib.datasets.copies import Likenesses, find_likenesses
from midrib.datasets.health.neighbours import Neighbours, find_neighbours
from midrib.datasets.measures import Measures
from midrib.datasets.records import Dataset, Item
from midrib.records import Floats


@dataclass(frozen=True)
class Evidence:
    """A dataset as it was read, with embeddings of its pictures if there are any.

    ``embeddings``: float32, pictures × features, in the order of the dataset's items.
    ``known_likenesses`` are looked for where they are not given.
    ``progress`` is called with how far the search for copies is, and how far it has to go.
    """

    dataset: Dataset
    embeddings: Floats | None = None
    progress: Callable[[int, int], None] | None = None
    known_likenesses: Likenesses | None = None

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The pictures that can be used."""
        return tuple(self.dataset.items)

    @cached_property
    def measured(self) -> list[tuple[Item, Measures]]:
        """Every picture that was measured, with its measures."""
        return [(item, item.measures) for item in self.items if item.measures is not None]

    def typical(self, measure: Callable[[Measures], float]) -> float:
        """The median over all measured pictures; 0 where there are none."""
        return median([measure(measures) for _, measures in self.measured] or [0.0])

    @cached_property
    def likenesses(self) -> Likenesses:
        """Pictures that are nearly the same, from the fingerprints that inspection took.

        Only the files of pairs whose fingerprints are close are opened again, to compare pixels.
        Blank pictures are left out: all of them look alike, and each is told as blank.
        """
        if self.known_likenesses is not None:
            return self.known_likenesses
        known = {
            item.sha256: np.array(measures.fingerprint, np.uint64)
            for item, measures in self.measured
            if measures.fingerprint and not measures.is_blank
        }
        items = [item for item in self.items if item.sha256 in known]
        return find_likenesses(items, hashes=known, progress=self.progress)

    @cached_property
    def by_content(self) -> dict[str, list[Item]]:
        """Files by the SHA-256 of their bytes, in the order of the items."""
        groups: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            groups[item.sha256].append(item)
        return groups

    @cached_property
    def copies(self) -> list[tuple[Item, ...]]:
        """Groups of pictures that are copies of each other, by bytes or verified by pixels."""
        joined = {sha256: [sha256] for sha256 in self.by_content if sha256}
        for like in self.likenesses.copies:
            one, other = joined[like.first], joined[like.second]
            if one is not other:
                one += other
                joined.update(dict.fromkeys(other, one))
        groups = {id(contents): contents for contents in joined.values()}.values()
        found = [
            tuple(item for sha256 in contents for item in self.by_content[sha256])
            for contents in groups
        ]
        return [group for group in found if len(group) > 1]

    @cached_property
    def neighbours(self) -> Neighbours:
        """Who is nearest to whom; only where there are embeddings."""
        if self.embeddings is None:
            raise AssertionError("a check that needs embeddings is not run without them")
        contents = [item.sha256 for item in self.items]
        return find_neighbours(self.embeddings, contents)

    @cached_property
    def directions(self) -> Floats:
        """Embeddings along their main directions: float32, pictures × at most 8.

        Principal components, worked out on at most 2,000 pictures drawn evenly.
        """
        if self.embeddings is None:
            raise AssertionError("a check that needs embeddings is not run without them")
        step = max(1, len(self.embeddings) // _MOST_FOR_DIRECTIONS)
        drawn = self.embeddings[::step]
        mean = drawn.mean(axis=0)
        _, _, axes = np.linalg.svd(drawn - mean, full_matrices=False)
        along: Floats = (self.embeddings - mean) @ axes[:_DIRECTIONS].T
        return along


_MOST_FOR_DIRECTIONS = 2000
_DIRECTIONS = 8

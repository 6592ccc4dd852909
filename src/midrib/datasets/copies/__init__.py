"""Pictures that are the same one: saved again, scaled, cropped, mirrored or turned.

    fingerprint ─▶ find_candidates ─▶ compare
    63 bits a      pairs whose bits   pixels laid over
    picture        are close          each other

`find_likenesses` does all three for a dataset.
"""

from midrib.datasets.copies.candidates import Candidate, find_candidates
from midrib.datasets.copies.finding import Likeness, Likenesses, find_likenesses
from midrib.datasets.copies.fingerprints import Hashes, fingerprint
from midrib.datasets.copies.verification import COPY_FROM, Comparison, comparable, compare

__all__ = [
    "COPY_FROM",
    "Candidate",
    "Comparison",
    "Hashes",
    "Likeness",
    "Likenesses",
    "comparable",
    "compare",
    "find_candidates",
    "find_likenesses",
    "fingerprint",
]

"""What was counted of every built-in backbone, read from a file: listing them needs no torch."""

from __future__ import annotations

from pathlib import Path

from midrib.config import Config
from midrib.storage import read_json

COUNTS_FILE = Path(__file__).with_name("counts.json")
PUBLISHED_SIZE = 224
"""Height and width, in pixels, that papers count multiply-adds at."""


class Counts(Config):
    """One backbone, counted. `counting` writes those that are built in, a test counts again.

    Where nothing is published, as of third parties' backbones, what is published is the backbone
    alone.
    """

    name: str

    published_parameters: int
    """Of the published network with its classifier of 1,000 classes, without auxiliary heads."""

    published_multiply_adds: int
    """Of the same, for one picture of the native size."""

    published_multiply_adds_at_224: int | None
    """Of the same at 224 × 224; None where the network is made for another size alone."""

    top1: float | None
    """Published accuracy on ImageNet, in percent; None where midrib knows of none."""

    top1_source: str

    parameters: int
    """Of the backbone alone."""

    multiply_adds: int
    """Of the backbone alone, for one picture of the native size."""

    features: int
    """Length of the pooled embedding."""

    levels: tuple[tuple[int, int], ...]
    """Stride and channels of each map of the pyramid, finest first."""

    native_size: int
    """Height and width that the published weights were trained at, in pixels."""

    smallest_size: int
    """Smallest height and width that it takes, in pixels."""


def read_counts() -> dict[str, Counts]:
    """Every built-in backbone by its name. Raises ``StorageError`` when the file is damaged."""
    return {row["name"]: Counts(**row) for row in read_json(COUNTS_FILE)["backbones"]}

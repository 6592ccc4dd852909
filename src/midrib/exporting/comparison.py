"""What is measured where a model and its file are asked the same, and what is still the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field

from midrib.config import Config
from midrib.metrics.decisions import Counts
from midrib.records import Floats

MASKS_AGREE = 0.99
"""Intersection over union from which two masks of one picture are the same."""


class ParityLimits(Config):
    """How far an exported file may be from its model."""

    max_error: float = Field(default=1e-3, gt=0)
    """Largest absolute difference of any probability or score."""

    max_changed_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of held-out pictures whose decided label may differ."""

    max_lost_share: float = Field(default=0.005, ge=0, lt=1)
    """Share of a detector's sure objects that its file may not find: of the same class, at an IoU
    of 0.95 or more."""

    min_mask_iou: float = Field(default=0.99, gt=0, le=1)
    """Least intersection over union of the model's masks and its file's, of each class over all
    held-out pictures; of a detector, of the objects that both find."""


class Errors(NamedTuple):
    """Absolute differences of probabilities or scores: the largest, their sum, how many."""

    largest: float
    total: float
    values: int


class Compared(NamedTuple):
    """Model and file on one batch.

    ``changed``: pictures of which the decision differs. ``objects``: what a detector's model is
    sure of; ``matched``: which of them the file finds too. ``shared`` and ``united``: places of
    each class, by pixels or by the masks of matched objects, that both answer, and that either
    does; int64, classes.
    """

    errors: Errors
    changed: int
    objects: int = 0
    matched: int = 0
    shared: Counts | None = None
    united: Counts | None = None


def errors_of(differences: Floats) -> Errors:
    """Of differences, in sum."""
    absolute = np.abs(differences)
    return Errors(float(absolute.max(initial=0)), float(absolute.sum()), absolute.size)

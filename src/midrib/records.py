"""What travels between rooms: validated, frozen, free of any framework."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Pixels = NDArray[np.uint8]
"""A picture: uint8, height × width × channels (RGB), 0 to 255."""

PixelBatch = NDArray[np.uint8]
"""Pictures of one size: uint8, count × height × width × channels (RGB), 0 to 255."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask of a whole picture, run-length encoded as COCO does it.

    ``counts`` is COCO's compressed string: lengths of the runs of 0 and 1 in turn, column by
    column from the upper left pixel.
    """

    height: int
    width: int
    counts: str


class Score(BaseModel):
    """One measured number with its bootstrap interval.

    ``value``, ``low`` and ``high`` are in the metric's own unit; ``low`` and ``high`` bound the
    central 95 % of the bootstrap; ``pictures`` is how many the number was measured on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    value: float
    low: float
    high: float
    pictures: int
    split: str


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model file answers for a batch.

    ``answer``: float32, count × classes, probabilities that sum to 1 over classes.
    ``embedding``: float32, count × features, the pooled features of the backbone.
    """

    answer: Floats
    embedding: Floats


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one picture.

    ``label``: the decided class. ``score``: its probability, 0 to 1. ``scores``: label and
    probability of the most probable classes, best first.
    """

    label: str
    score: float
    scores: dict[str, float]
    embedding: Floats = field(repr=False)

    def as_record(self) -> dict[str, object]:
        """The JSON-ready answer: ``label``, ``score``, ``scores``; no embedding."""
        return {
            "label": self.label,
            "score": round(self.score, 6),
            "scores": {label: round(score, 6) for label, score in self.scores.items()},
        }

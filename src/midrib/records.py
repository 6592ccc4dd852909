"""What travels between rooms: validated, frozen, free of any framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Pixels = NDArray[np.uint8]
"""A picture: uint8, height × width × channels (RGB), 0 to 255."""

PixelBatch = NDArray[np.uint8]
"""Pictures of one size: uint8, count × height × width × channels (RGB), 0 to 255."""

Floats = NDArray[np.float32]

Mask = NDArray[np.bool_]
"""Height × width, True where the object is."""

ClassMap = NDArray[np.uint8]
"""The class of each pixel: uint8, height × width, places among labels."""

IGNORED = 255
"""In a class map, pixels of which nothing is known; they count neither way."""


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask of a whole picture, run-length encoded as COCO does it.

    ``counts`` is COCO's compressed string: lengths of the runs of 0 and 1 in turn, column by
    column from the upper left pixel.
    """

    height: int
    width: int
    counts: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Rle:
        """A mask as COCO writes it: ``size`` (height and width) and ``counts``.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is none.
        """
        height, width = record["size"]
        return cls(int(height), int(width), str(record["counts"]))

    def as_record(self) -> dict[str, object]:
        """As COCO writes it."""
        return {"size": [self.height, self.width], "counts": self.counts}


class Size(NamedTuple):
    """Height and width of a picture, in pixels."""

    height: int
    width: int


class View(NamedTuple):
    """What a model sees of a picture, and of what size the upright picture is.

    ``pixels``: uint8, height × width × 3 (RGB), of the model's own size. ``of`` is as ``pixels``
    where nothing will be placed in the picture. ``large``: the upright picture itself, uint8,
    height × width × 3, where it is looked at tile by tile.
    """

    pixels: Pixels
    of: Size
    large: Pixels | None = None


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

    ``answer``: float32, count × classes, probabilities that sum to 1 over classes; of a detector
    count × candidates × classes, 0 to 1; of a segmenter count × classes × rows × columns, logits
    at the stride that its card tells. ``embedding``: float32, count × features, the pooled
    features of the backbone. ``boxes``: of a detector alone, float32, count × candidates × 4
    (left, top, right, bottom) in pixels of the model's input. ``masks``: of one that draws what it
    finds, float32, count × candidates × rows × columns, 0 to 1: the object within its box.
    """

    answer: Floats
    embedding: Floats
    boxes: Floats | None = None
    masks: Floats | None = None


class Found(NamedTuple):
    """Objects in one picture, surest first.

    ``boxes``: float32, objects × 4 (left, top, right, bottom), in pixels. ``scores``: float32,
    objects, 0 to 1. ``classes``: int64, objects. ``masks``: of the picture's size, one for each,
    or none of a model that finds boxes alone.
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]
    masks: tuple[Rle, ...] = ()

    def from_score(self, least: float) -> Found:
        """Those with at least this score."""
        return self.only(np.flatnonzero(self.scores >= least))

    def only(self, rows: NDArray[np.int64]) -> Found:
        """Those in ``rows`` (int64), in that order."""
        masks = tuple(self.masks[row] for row in rows) if self.masks else ()
        return Found(self.boxes[rows], self.scores[rows], self.classes[rows], masks)


class Looked(NamedTuple):
    """All that is worth a look in one picture, whatever its score, and the picture's features.

    ``embedding``: float32, features.
    """

    found: Found
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


NOTHING = "nothing"
"""What stands for the class of a picture in which no object is found."""


@dataclass(frozen=True, slots=True)
class Detections:
    """The objects found in one picture, surest first.

    ``boxes``: float32, objects × 4 (left, top, right, bottom) in pixels of the upright picture.
    ``labels``: the class of each. ``scores``: float32, objects, 0 to 1. ``masks``: in the same
    pixels, one for each, or none of a model that finds boxes alone.
    """

    boxes: Floats
    labels: tuple[str, ...]
    scores: Floats
    embedding: Floats = field(repr=False)
    masks: tuple[Rle, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def label(self) -> str:
        """The class of the surest object, or ``NOTHING``: what is counted of a picture."""
        return self.labels[0] if self.labels else NOTHING

    @property
    def score(self) -> float:
        """The score of the surest object, or 0."""
        return float(self.scores[0]) if self.labels else 0.0

    def as_record(self) -> dict[str, object]:
        """The JSON-ready answer: ``objects`` with ``label``, ``score`` and ``box`` (xyxy).

        Where there are masks each object has its ``mask`` too, as COCO's run lengths.
        """
        objects: list[dict[str, object]] = [
            {
                "label": label,
                "score": round(float(score), 6),
                "box": [round(float(edge), 2) for edge in box],
            }
            for label, score, box in zip(self.labels, self.scores, self.boxes, strict=True)
        ]
        for told, mask in zip(objects, self.masks, strict=False):  # there may be none
            told["mask"] = mask.as_record()
        return {"objects": objects}


BACKGROUND = "background"
"""What stands for the class of pixels that belong to nothing."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The class of each pixel of one picture.

    ``masks``: where each class is that has any pixel, in pixels of the upright picture;
    `BACKGROUND` is where none of them is. ``pixels``: how many each class of the model has,
    background among them. ``score``: how probable the decided class is, mean over all pixels, 0
    to 1.
    """

    size: Size
    masks: Mapping[str, Rle] = field(repr=False)
    pixels: Mapping[str, int]
    score: float
    embedding: Floats = field(repr=False)

    @property
    def label(self) -> str:
        """The class with the most pixels but for background, or ``NOTHING``."""
        return max(self.masks, key=lambda label: self.pixels[label], default=NOTHING)

    @property
    def shares(self) -> dict[str, float]:
        """The share of the picture that each class of the model has."""
        whole = self.size.height * self.size.width
        return {label: pixels / whole for label, pixels in self.pixels.items()}

    def as_record(self) -> dict[str, object]:
        """The JSON-ready answer: ``size``, ``background`` and ``classes`` with their masks.

        ``size`` is height and width. Each class has ``label``, ``pixels``, ``share`` and ``mask``
        as COCO's run lengths; ``background`` is the share that is of no class.
        """
        shares = self.shares
        return {
            "size": list(self.size),
            "score": round(self.score, 6),
            "background": round(shares.get(BACKGROUND, 0.0), 6),
            "classes": [
                {
                    "label": label,
                    "pixels": self.pixels[label],
                    "share": round(shares[label], 6),
                    "mask": rle.as_record(),
                }
                for label, rle in self.masks.items()
            ],
        }


Answered = Prediction | Detections | Segmentation
"""What a model of any task answers for one picture; each knows its ``as_record``."""

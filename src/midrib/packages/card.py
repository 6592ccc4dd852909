"""The card of a model package, ``model.json``: all that the field has to know."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from midrib.config import Config
from midrib.errors import UsageError
from midrib.names import unknown_name
from midrib.pasting import MaskPasting
from midrib.postprocessing import PixelDecision, Suppression
from midrib.preprocessing import Recipe
from midrib.records import Score
from midrib.tiling import Tiling

ModelTask = Literal["classification", "detection", "segmentation"]
"""What a model answers: a class a picture, objects, or a class a pixel."""

CARD_FORMAT: Literal[1] = 1
ANSWER_OUTPUT = "answer"
EMBEDDING_OUTPUT = "embedding"
BOXES_OUTPUT = "boxes"
MASKS_OUTPUT = "masks"
OBJECT_OUTPUTS = (BOXES_OUTPUT, MASKS_OUTPUT)
"""What a file may answer beside the first two, which all of them do."""

PICTURES_INPUT = "pictures"


_NAME = r"[a-z0-9][a-z0-9._-]{0,99}"


def is_model_name(name: str) -> bool:
    """Whether a model may be called that."""
    return re.fullmatch(_NAME, name) is not None


def require_model_name(name: str) -> str:
    """``name`` if a model may be called that: it becomes a folder and a part of an address.

    Raises ``UsageError``.
    """
    if not is_model_name(name):
        raise UsageError(
            f"{name!r} cannot be the name of a model",
            expected="up to 100 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit",
            todo="choose another --name",
        )
    return name


class ModelInput(Config):
    """The one input of the graph: uint8, count × height × width × channels, 0 to 255."""

    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: int = Field(default=3, gt=0)
    dynamic_batch: bool = True
    """Whether one call may hold any number of pictures; otherwise exactly one."""


class Decision(Config):
    """How probabilities become a label."""

    positive: str | None = None
    """With two classes: the one that the threshold is about; otherwise the most probable wins."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Probability from which the positive class is decided, for a picture or for each of its
    pixels; of a detector, the score from which an object is answered."""


class Certificate(Config):
    """How far a variant's answers are from the model's it was exported from."""

    pictures: int
    """Held-out pictures that both were asked."""

    max_error: float
    """Largest absolute difference of any probability or score, of pixels too."""

    mean_error: float
    """Mean absolute difference of the probabilities or scores."""

    changed_decisions: int
    """Pictures on which the decided label differs, an object has no match, or a class of pixels
    has a mask of another place: an IoU below 0.99."""

    objects: int = 0
    """Of a detector: sure objects that the model found in the pictures."""

    matched_objects: int = 0
    """Those that the file finds too: the same class at an IoU of 0.95 or more."""

    mask_iou: float | None = None
    """Of a segmenter, and of a detector's objects that the file finds too: intersection over union
    of the masks that model and file answer, over all pictures, of the class in which they agree
    least."""

    engine: str
    """The engine, with its version, that the variant was run in."""

    machine: str
    """The machine that it was run on."""


class Variant(Config):
    """One file of the model: same answers, other speed."""

    name: str
    """'fp32', 'int8' …"""

    file: str
    """Path inside the package."""

    format: Literal["onnx"] = "onnx"
    precision: Literal["fp32"] = "fp32"
    size_bytes: int
    sha256: str
    certificate: Certificate


class Card(Config):
    """What the model is, what it takes, what it answers, where it comes from."""

    card_format: Literal[1] = CARD_FORMAT
    name: str = Field(pattern=f"^{_NAME}$")
    """The name that it is published and served under."""

    version: int | None = None
    """Set when it is published; counted from 1."""

    task: ModelTask = "classification"
    algorithm: str = ""
    """The name of the head with its loss; empty in packages of classifiers made before there were
    others."""

    labels: list[str] = Field(min_length=1)
    """Class names in the order of the answer."""

    backbone: str
    embedding_size: int = Field(gt=0)
    input: ModelInput
    preprocessing: Recipe
    preprocessing_hash: str
    decision: Decision = Decision()
    suppression: Suppression | None = None
    """Of a detector: how its candidates become objects, outside the graph."""

    masks: MaskPasting | None = None
    """Of a detector that draws what it finds: how its masks come into the picture, outside the
    graph."""

    tiles: Tiling | None = None
    """Of a detector: how it looks at pictures that are larger than a tile; None looks at the
    whole at once."""

    pixels: PixelDecision | None = None
    """Of a segmenter: how its logits become the class of each pixel, outside the graph."""

    data_version: str
    """Hash of the data set, its labels and its splits."""

    run: str
    """The training run that made it."""

    weights_origin: str
    weights_licence: str
    data_licence: str = ""
    created: str
    """UTC, ISO 8601."""

    scores: tuple[Score, ...] = ()
    """Measured on the file in this package, through the code that serves it."""

    variants: list[Variant] = Field(min_length=1)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Card:
        if (self.input.height, self.input.width) != (
            self.preprocessing.height,
            self.preprocessing.width,
        ):
            raise ValueError("input size and preprocessing size differ")
        if self.task == "classification" and len(self.labels) < 2:
            raise ValueError("a classifier has two labels at least")
        if (self.task == "detection") != (self.suppression is not None):
            raise ValueError("a detector, and no other model, has its suppression")
        if (self.task == "segmentation") != (self.pixels is not None):
            raise ValueError("a segmenter, and no other model, says how pixels are decided")
        if self.task == "segmentation" and self.preprocessing.fit == "crop":
            raise ValueError("a segmenter looks at the whole picture")
        if self.masks is not None and self.task != "detection":
            raise ValueError("only a detector has masks of objects")
        if self.tiles is not None and (self.task != "detection" or self.masks is not None):
            raise ValueError("only a detector looks tile by tile, and none that draws masks")
        if self.decision.positive is not None and (
            len(self.labels) != 2 or self.decision.positive not in self.labels
        ):
            raise ValueError("a positive class needs two labels and must be one of them")
        return self

    def variant(self, name: str | None = None) -> Variant:
        """The variant called ``name``, or the first. Raises ``UnknownNameError``."""
        if name is None:
            return self.variants[0]
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise unknown_name("variant", name, [variant.name for variant in self.variants])

"""Options of making a package."""

from __future__ import annotations

from pydantic import Field, model_validator

from midrib.config import Config
from midrib.evaluation import THRESHOLD_RULES
from midrib.exporting.comparison import ParityLimits
from midrib.postprocessing import Suppression
from midrib.tiling import Tiling


class ExportConfig(Config):
    """How the packaged model decides, and how close its file must be to the model."""

    positive: str | None = None
    """With two classes: the one that the threshold is about; None takes the most probable."""

    threshold: str | None = None
    """A rule that is applied to the validation split ('balanced', 'recall:0.95'), or a number from
    0 to 1; None is 'balanced' where there is a positive class, for objects the best F1 and for
    pixels of one class 0.5."""

    suppression: Suppression | None = None
    """Of a detector: how its candidates become objects; None takes the usual thresholds."""

    tiles: Tiling | None = None
    """Of a detector: how it looks at pictures that are larger than a tile; None at the whole."""

    samples: int = Field(default=6, ge=1, le=100)
    """Validation pictures that the package carries for its rehearsal."""

    parity: ParityLimits = ParityLimits()
    """What still counts as the same answer."""

    @model_validator(mode="after")
    def _threshold_is_about_something(self) -> ExportConfig:
        if self.threshold is None:
            return self
        number = as_number(self.threshold)
        if self.positive is None and number is None:
            raise ValueError("a positive class beside the rule of a threshold (--positive LABEL)")
        if number is not None and not 0 <= number <= 1:
            raise ValueError("a threshold from 0 to 1")
        if number is None:
            THRESHOLD_RULES.get(self.threshold.partition(":")[0])
        return self


def as_number(text: str) -> float | None:
    """The number that ``text`` is, or None when it is a rule's name."""
    try:
        return float(text)
    except ValueError:
        return None

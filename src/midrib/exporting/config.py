"""Options of making a package."""

from __future__ import annotations

from pydantic import Field

from midrib.config import Config
from midrib.exporting.parity import ParityLimits


class ExportConfig(Config):
    """How the packaged model decides, and how close its file must be to the model."""

    positive: str | None = None
    """With two classes: the one that the threshold is about; None takes the most probable."""

    threshold: str = "balanced"
    """A rule that is applied to the validation split ('balanced', 'recall:0.95'), or a number."""

    samples: int = Field(default=6, ge=1, le=100)
    """Validation pictures that the package carries for its rehearsal."""

    parity: ParityLimits = ParityLimits()
    """What still counts as the same answer."""

"""How a model is asked about pictures that are larger than what it has learnt from."""

from __future__ import annotations

from pydantic import Field, model_validator

from midrib.config import Config

SMALLEST, LARGEST = 16, 8192


class Tiling(Config):
    """Tiles in pixels of the picture; what is no larger than one is looked at whole."""

    size: int = Field(ge=SMALLEST, le=LARGEST)
    """Height and width of a tile, in pixels: that of the tiles that were learnt from."""

    overlap: int = Field(ge=0)
    """Pixels that neighbours share at least: as many as an object is large, so that each lies
    whole in one of them."""

    @classmethod
    def of(cls, size: int, overlap: int | None = None) -> Tiling:
        """Tiles of that size; they overlap by a quarter unless it is said.

        Raises ``ConfigError``.
        """
        return cls(size=size, overlap=size // 4 if overlap is None else overlap)

    @model_validator(mode="after")
    def _goes_on(self) -> Tiling:
        if 2 * self.overlap > self.size:
            raise ValueError(f"an overlap of at most half the tile, {self.size // 2} pixels")
        return self

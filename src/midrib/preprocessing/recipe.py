"""What is done to a picture before the model sees it, and the hash that names it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from midrib.config import Config, fingerprint
from midrib.errors import PackageError

CODE_VERSION = 1
"""Raised whenever the same recipe would give other pixels than before."""

LARGEST_SIDE = 4096
"""Pixels in height or width that a model may be made for."""


class Recipe(Config):
    """From a decoded picture to the model's uint8 input.

    `decode` gives oriented RGB (transparency over white, 16 bit scaled to 8); the picture is then
    resized with an antialiased filter and cropped, squashed or letterboxed to height × width.
    """

    height: int = Field(gt=0, le=LARGEST_SIDE)
    """Rows of the model input, in pixels."""

    width: int = Field(gt=0, le=LARGEST_SIDE)
    """Columns of the model input, in pixels."""

    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """'crop' keeps the aspect ratio and cuts the centre out, 'squash' resizes both sides,
    'letterbox' keeps the whole picture and its aspect ratio, in the middle of black."""

    crop_ratio: float = Field(default=0.875, gt=0, le=1)
    """With 'crop': the share of the resized picture's tighter side that the crop keeps."""

    filter: Literal["bilinear", "bicubic"] = "bilinear"
    """The antialiased resize filter."""

    def hash(self) -> str:
        """SHA-256 of the recipe together with the version of the code that carries it out."""
        return fingerprint({"code": CODE_VERSION, "recipe": self.model_dump(mode="json")})


def require_implemented(recipe: Recipe, promised_hash: str) -> None:
    """Raise ``PackageError`` unless this code makes the very pixels that were promised."""
    if recipe.hash() != promised_hash:
        raise PackageError(
            f"the preprocessing hash {promised_hash[:12]}… is not one that this midrib implements",
            expected=f"{recipe.hash()[:12]}…",
            todo="serve the package with the midrib that made it, or export it again with this one",
        )

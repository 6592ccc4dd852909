"""How pictures are divided: shares, what stays together, and in which order."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from midrib.config import Config

_MOST_HELD_OUT = 0.9
_ONLY_BY = {"places": "space", "gap": "space", "times": "time"}


class SplitConfig(Config):
    """How many pictures are kept from training, which stay together, and by which draw."""

    validation: float = Field(default=0.15, gt=0, lt=_MOST_HELD_OUT)
    """Share of the pictures of each class that choose epoch and threshold."""

    test: float = Field(default=0.15, gt=0, lt=_MOST_HELD_OUT)
    """Share of the pictures of each class that judge, once, at the end."""

    seed: int = Field(default=0, ge=0)
    """Of the draw."""

    by: Literal["draw", "time", "space"] = "draw"
    """'time' learns from the oldest and judges by the newest; 'space' cuts big pictures, of which
    these are tiles, into strips, and keeps those whole that are too small for it."""

    groups: str = ""
    """What must not be divided, beside the column 'group' of a table: a regular expression with a
    group (?P<group>…) over the path below the source, 'exif:camera' or 'exif:day'."""

    places: str = ""
    """Of 'space': a regular expression with (?P<x>…) and (?P<y>…), whole numbers that count tiles
    or pixels, over the path below the source. Tiles of one 'group' are of one big picture."""

    times: str = "exif"
    """Of 'time': 'exif', 'file' (when the file was last changed) or a regular expression with
    (?P<time>…) over the path below the source, an ISO date or a number."""

    gap: int = Field(default=1, ge=0)
    """Of 'space': tiles that are dropped at least between two splits, counted in places. Where
    tiles overlap, so many are that no pixel is in two splits."""

    keep_together: bool = True
    """Whether verified near-copies count as one picture."""

    @field_validator("groups", "places", "times")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        if value and value not in {"exif", "file", "exif:camera", "exif:day"}:
            try:
                re.compile(value)
            except re.error as problem:
                raise ValueError(f"a regular expression; this one is none: {problem}") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> SplitConfig:
        if self.validation + self.test >= _MOST_HELD_OUT:
            raise ValueError(f"validation and test together below {_MOST_HELD_OUT:.0%}")
        if self.groups and not self.groups.startswith("exif:"):
            _require_names("groups", self.groups, "group")
        if self.by == "space":
            _require_names("places", self.places, "x", "y")
        if self.by == "time" and self.times not in {"exif", "file"}:
            _require_names("times", self.times, "time")
        for option, by in _ONLY_BY.items():
            if self.by != by and getattr(self, option) != type(self).model_fields[option].default:
                raise ValueError(f"{option} only where by is '{by}', and it is '{self.by}'")
        return self


def _require_names(option: str, pattern: str, *names: str) -> None:
    missing = [name for name in names if name not in re.compile(pattern).groupindex]
    if missing:
        shown = " and ".join(f"(?P<{name}>…)" for name in missing)
        raise ValueError(f"{option} to be a regular expression with {shown}")

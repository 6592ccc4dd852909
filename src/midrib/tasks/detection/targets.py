"""What a detector is to find in one picture of a batch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Target(NamedTuple):
    """Objects in pixels of the model's input.

    ``boxes``: float32, objects × 4 (left, top, right, bottom). ``classes``: int64, objects, from 0
    on. ``ignored``: float32, regions × 4, such as crowds: what is found there counts neither way.
    """

    boxes: Tensor
    classes: Tensor
    ignored: Tensor

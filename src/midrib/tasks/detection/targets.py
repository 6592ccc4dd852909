"""What a detector is to find in one picture of a batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Target(NamedTuple):
    """Objects in pixels of the model's input.

    ``boxes``: float32, objects × 4 (left, top, right, bottom). ``classes``: int64, objects, from 0
    on. ``ignored``: float32, regions × 4, such as crowds: what is found there counts neither way.
    ``masks``: bool, objects × height × width of the input, or None where they are not learnt.
    """

    boxes: Tensor
    classes: Tensor
    ignored: Tensor
    masks: Tensor | None = None

    def to(self, device: torch.device) -> Target:
        """The same on that device."""
        masks = None if self.masks is None else self.masks.to(device)
        ignored = self.ignored.to(device)
        return Target(self.boxes.to(device), self.classes.to(device), ignored, masks)

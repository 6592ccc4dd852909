"""Pictures that a backbone takes, and the errors for those that it does not."""

from __future__ import annotations

from torch import Tensor

from midrib.backbones.interface import BackboneFacts
from midrib.errors import UsageError


def require_fitting(facts: BackboneFacts, pictures: Tensor) -> None:
    """Raise ``UsageError`` unless pictures have a size and channels that the backbone takes."""
    channels, height, width = pictures.shape[1:]
    if channels != facts.in_channels:
        raise UsageError(
            f"pictures of {channels} channels for {facts.name}",
            expected=f"{facts.in_channels} channels",
            todo=f"create the backbone with in_channels={channels}",
        )
    if not facts.resizable and (height, width) != facts.native_size:
        raise UsageError(
            f"pictures of {height}×{width} pixels for {facts.name}",
            expected=f"{facts.native_size[0]}×{facts.native_size[1]}, the one size that it takes",
            todo=f"create the backbone with size={max(height, width)}, or choose another one",
        )
    if min(height, width) < facts.smallest_size:
        raise UsageError(
            f"pictures of {height}×{width} pixels are too small for the strides of {facts.name}",
            expected=f"at least {facts.smallest_size}×{facts.smallest_size}",
            todo=f"use a size of {facts.smallest_size} or more",
        )

"""Pictures that a backbone takes, and the errors for those that it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from midrib.backbones.interface import BackboneFacts
from midrib.backbones.weights.stem import RGB
from midrib.errors import UsageError


@contextmanager
def refusing_unfit(model_name: str, in_channels: int, size: int | None) -> Iterator[None]:
    """Say that a network cannot be made for such pictures, however its library says so."""
    try:
        yield
    except UsageError:
        raise
    except Exception as problem:
        if size is None and in_channels == RGB:
            raise
        raise _unfit(model_name, in_channels, size, problem) from None


def _unfit(model_name: str, in_channels: int, size: int | None, problem: Exception) -> UsageError:
    reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
    if size is None:
        return UsageError(
            f"{model_name} cannot take pictures of {in_channels} channels: {reason}",
            expected=f"{RGB} channels",
            todo="give it three of the channels, or choose another backbone",
        )
    return UsageError(
        f"{model_name} cannot take pictures of {size}×{size} pixels: {reason}",
        expected="a size that its patches and windows divide, as its native one",
        todo="leave the size out, or take a multiple of 32",
    )


def require_fitting(facts: BackboneFacts, pictures: Tensor) -> None:
    """Raise ``UsageError`` unless pictures have a size and channels that the backbone takes."""
    if pictures.ndim != 4:
        raise UsageError(
            f"pictures of {pictures.ndim} axes for {facts.name}",
            expected="4: count × channels × height × width",
            todo="add the axis of the count: pictures[None]",
        )
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

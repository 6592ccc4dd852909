"""Maps brought to exactly ceil(size / stride)."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor
from torch.nn import functional

from midrib.backbones.interface import Level


def aligned_size(size: int, stride: int) -> int:
    """Cells of a map of that stride over ``size`` pixels: ceil(size / stride)."""
    return -(-size // stride)


def align(found: Tensor, height: int, width: int) -> Tensor:
    """A map of exactly ``height`` × ``width`` cells: count × channels × height × width.

    Convolutions without padding lose the border evenly on both sides, so that repeating the edge
    on both sides leaves every cell over the pixels that it saw; interpolation would stretch the
    map. Pooling that rounds up adds cells at the end, which are cut off there first.
    """
    missing_height, missing_width = height - found.shape[-2], width - found.shape[-1]
    found = found[..., _kept(missing_height), _kept(missing_width)]
    if missing_height <= 0 and missing_width <= 0:
        return found
    padding = [*_sides(missing_width), *_sides(missing_height)]
    return functional.pad(found, padding, mode="replicate")


def align_all(
    maps: Iterable[Tensor], levels: Iterable[Level], pictures: Tensor
) -> tuple[Tensor, ...]:
    """Each map aligned for its level over ``pictures`` (count × channels × height × width)."""
    height, width = pictures.shape[-2:]
    return tuple(
        align(found, aligned_size(height, level.stride), aligned_size(width, level.stride))
        for found, level in zip(maps, levels, strict=True)
    )


def _kept(missing: int) -> slice:
    surplus = max(0, -missing)
    return slice(surplus // 2, -(surplus - surplus // 2) or None)


def _sides(missing: int) -> tuple[int, int]:
    before = max(0, missing) // 2
    return before, max(0, missing) - before

"""Which maps a backbone has, can be given, or cannot have, by their strides. Without torch."""

from __future__ import annotations

from collections.abc import Sequence

COARSE_CHANNELS = 256
"""Of added coarser maps, as in RetinaNet (Lin et al., arXiv 1708.02002, section 4)."""

MOST_REFINEMENT = 4
"""Times that a map may be made finer: ViTDet (arXiv 2203.16527, section 3) goes from 16 to 4."""


def source_of(stride: int, own: Sequence[int]) -> int | None:
    """The place in ``own`` of the map that one of ``stride`` is taken or made from.

    A backbone's own map is taken. A coarser one than it has is made from its coarsest, a finer one
    from the finest that is coarser and near enough; both by doublings alone. None: it cannot be.

    Args:
        stride: asked for, in pixels.
        own: strides of the backbone's maps, finest first.
    """
    if stride in own:
        return list(own).index(stride)
    if own and stride > own[-1] and doublings(stride, own[-1]) is not None:
        return len(own) - 1
    for place, coarser in enumerate(own):
        near = stride < coarser <= stride * MOST_REFINEMENT
        if near and doublings(coarser, stride) is not None:
            return place
    return None


def channels_at(stride: int, levels: Sequence[tuple[int, int]]) -> int:
    """Channels of the map of ``stride``, a backbone's own or one that is made for it.

    Args:
        stride: of the map, which can be had.
        levels: stride and channels of the backbone's own maps, finest first.
    """
    place = source_of(stride, [own for own, _ in levels])
    if place is None:
        raise ValueError(f"no map of stride {stride} can be had")
    own, channels = levels[place]
    if stride == own:
        return channels
    return COARSE_CHANNELS if stride > own else channels * stride // own


def doublings(larger: int, smaller: int) -> int | None:
    """How often ``smaller`` is doubled to get ``larger``; None when doubling does not get there."""
    times = (larger // smaller).bit_length() - 1
    return times if smaller << times == larger else None

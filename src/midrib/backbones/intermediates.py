"""The maps that a network gives on its way, as timm's callers ask for them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


def run_through(
    parts: Sequence[nn.Module],
    x: Tensor,
    indices: int | Sequence[int] | None,
    *,
    stop_early: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """What the last part gives, and what the chosen ones give, in their order.

    Args:
        parts: run one after the other.
        x: what the first one takes.
        indices: places of parts, negative ones from the end on; or how many of the last; None
            chooses all.
        stop_early: run no part after the last one that was chosen.

    Raises:
        IndexError: there is no such part.
    """
    places = range(len(parts))
    if isinstance(indices, int):
        indices = [places[-back] for back in range(indices, 0, -1)]
    chosen = sorted(places if indices is None else {places[index] for index in indices})
    found = []
    for place, part in enumerate(parts):
        if stop_early and place > chosen[-1]:
            break
        x = part(x)
        if place in chosen:
            found.append(x)
    return x, found

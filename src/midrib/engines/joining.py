"""Outputs of pictures that were asked about one by one, as those of one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midrib.records import Floats, Outputs


def joined(singles: Sequence[Outputs]) -> Outputs:
    """One batch of them all.

    A graph that chooses its objects answers as many as it finds: where a picture has fewer than
    another, boxes without extent and without a score fill up.
    """
    return Outputs(
        answer=_stacked([each.answer for each in singles]),
        embedding=_stacked([each.embedding for each in singles]),
        boxes=_stacked_if_any([each.boxes for each in singles]),
        masks=_stacked_if_any([each.masks for each in singles]),
    )


def _stacked_if_any(parts: Sequence[Floats | None]) -> Floats | None:
    known = [part for part in parts if part is not None]
    return _stacked(known) if known else None


def _stacked(parts: Sequence[Floats]) -> Floats:
    most = max(part.shape[1] for part in parts)
    return np.concatenate([_filled(part, most) for part in parts])


def _filled(part: Floats, most: int) -> Floats:
    missing = [(0, most - part.shape[1]) if axis == 1 else (0, 0) for axis in range(part.ndim)]
    return np.pad(part, missing) if part.shape[1] < most else part

"""Splits that follow time instead of a draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from midrib.datasets.records import Split
from midrib.datasets.splitting.config import SplitConfig


def by_time(
    times: Mapping[str, float],
    units: Iterable[Sequence[str]],
    decided: Mapping[str, Split],
    config: SplitConfig,
) -> dict[str, Split]:
    """The oldest units learn, the newest judge; a unit is as old as its middle picture.

    Where splits stand already, their newest pictures are the bounds: what is newer than all of
    validation judges.
    """
    aged = sorted((median(times[each] for each in unit), tuple(unit)) for unit in units)
    if decided:
        ends = {
            split: max((times[each] for each in decided if decided[each] == split), default=None)
            for split in set(decided.values())
        }
        return {each: _at(time, ends) for time, unit in aged for each in unit}
    return _in_order([unit for _, unit in aged], config)


def _at(time: float, ends: Mapping[Split, float | None]) -> Split:
    for split in ("train", "validation"):
        end = ends.get(split)
        if end is not None and time <= end:
            return split
    return "test"


def _in_order(units: Sequence[tuple[str, ...]], config: SplitConfig) -> dict[str, Split]:
    """Cut units, in order, where the shares are met; each split gets one where it can."""
    total = sum(map(len, units))
    drawn: dict[str, Split] = {}
    done = 0
    for place, unit in enumerate(units):
        middle, left = done + len(unit) / 2, len(units) - place
        split: Split = "train"
        if middle > total * (1 - config.test) or (left == 1 and place):
            split = "test"
        elif middle > total * (1 - config.test - config.validation) or (left == 2 and place):
            split = "validation"
        if place == 0:
            split = "train"
        drawn |= dict.fromkeys(unit, split)
        done += len(unit)
    return drawn

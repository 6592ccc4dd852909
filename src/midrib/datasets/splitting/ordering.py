"""Splits that follow time or space instead of a draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from midrib.datasets.records import Split
from midrib.datasets.splitting.config import SplitConfig
from midrib.errors import DatasetError

Place = tuple[str, int, int]
"""The big picture, x and y."""


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


def by_space(
    places: Mapping[str, Place],
    undecided: Iterable[str],
    decided: Mapping[str, Split],
    config: SplitConfig,
) -> tuple[dict[str, Split], set[str]]:
    """Strips of each big picture, and the tiles of the gaps between them, which get no split.

    A strip runs across the direction in which the picture has most places. Raises
    ``DatasetError`` for a big picture with too few places.
    """
    tiles: dict[str, list[str]] = defaultdict(list)
    for tile, (whole, _, _) in sorted(places.items()):
        tiles[whole].append(tile)
    waiting, drawn, dropped = set(undecided), dict[str, Split](), set[str]()
    for whole, members in tiles.items():
        axis = max((1, 2), key=lambda axis: len({places[tile][axis] for tile in members}))
        where = {tile: int(places[tile][axis]) for tile in members}
        known = {where[tile]: decided[tile] for tile in members if tile in decided}
        strips = known or _strips(whole, sorted(set(where.values())), config)
        for tile in waiting.intersection(members):
            split = _strip_at(where[tile], strips, 0 if not known else config.gap)
            if split is None:
                dropped.add(tile)
            else:
                drawn[tile] = split
    return drawn, dropped


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


def _strips(whole: str, positions: Sequence[int], config: SplitConfig) -> dict[int, Split]:
    usable = len(positions) - 2 * config.gap
    if usable < 3:
        raise DatasetError(
            f"the big picture {whole.strip() or '(all tiles)'!r} has {len(positions)} places",
            expected=f"at least {3 + 2 * config.gap}: three strips and two gaps of {config.gap}",
            todo="make the tiles or the gap smaller, or keep each big picture whole with --groups",
        )
    test = max(1, round(usable * config.test))
    validation = max(1, round(usable * config.validation))
    train = max(1, usable - test - validation)
    strips: dict[int, Split] = dict.fromkeys(positions[:train], "train")
    after = train + config.gap
    validation = min(validation, usable - train - 1)
    strips |= dict.fromkeys(positions[after : after + validation], "validation")
    strips |= dict.fromkeys(positions[after + validation + config.gap :], "test")
    return strips


def _strip_at(position: int, strips: Mapping[int, Split], gap: int) -> Split | None:
    """The strip at a place, or the only one within reach of it."""
    if position in strips or not gap:
        return strips.get(position)
    nearest = min(strips, key=lambda known: (abs(known - position), known))
    others = [known for known, split in strips.items() if split != strips[nearest]]
    if any(abs(known - position) <= gap for known in others):
        return None
    return strips[nearest]

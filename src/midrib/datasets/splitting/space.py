"""Splits that follow space: each big picture in strips, with gaps that no tile reaches across."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from midrib.datasets.records import Split
from midrib.datasets.splitting.config import SplitConfig
from midrib.datasets.splitting.facts import Tile
from midrib.errors import DatasetError

_FEWEST_SCENES = 3  # one for each split, where they stay whole


@dataclass
class Strips:
    """What becomes of tiles, by SHA-256.

    ``drawn``: their splits. ``dropped``: tiles in a gap, which get none. ``scenes``: the tiles of
    each big picture that is too small to be cut and has to stay whole.
    """

    drawn: dict[str, Split] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    scenes: list[list[str]] = field(default_factory=list)


def by_space(
    tiles: Mapping[str, Tile],
    undecided: Iterable[str],
    decided: Mapping[str, Split],
    config: SplitConfig,
) -> Strips:
    """Cut each big picture across its longer side; tiles that come later join the strips.

    Raises ``DatasetError`` where no big picture can be cut and there are too few to keep whole, or
    where one was split otherwise before.
    """
    waiting, found = set(undecided), Strips()
    cut = bool(decided)
    for scene, members in sorted(_by_scene(tiles).items()):
        known = {tile: decided[tile] for tile in members if tile in decided}
        line = _line(scene, {tile: tiles[tile] for tile in members}, known)
        strips = line.strips_of(known) if known else _cut(line, config)
        if not strips:
            found.scenes.append(members)
            continue
        cut = True
        gap = config.gap
        at_place = {at: _strip_at(at, strips, line, gap) for at in range(len(line.places))}
        ranks = line.ranks()
        for tile in waiting.intersection(members):
            split = at_place[ranks[tile]]
            if split is None:
                found.dropped.add(tile)
            else:
                found.drawn[tile] = split
    if not cut and len(found.scenes) < _FEWEST_SCENES:
        raise _too_small(tiles, found.scenes, config)
    return found


@dataclass(frozen=True)
class _Line:
    """The tiles of a big picture along one of its sides.

    ``start``: where each begins. ``places``: these, sorted, each once. ``side``: how far a tile
    reaches, in the same unit.
    """

    start: Mapping[str, int]
    places: Sequence[int]
    side: int

    def ranks(self) -> dict[str, int]:
        """Which of the places each tile is at."""
        place_of = {start: place for place, start in enumerate(self.places)}
        return {tile: place_of[start] for tile, start in self.start.items()}

    def strips_of(self, known: Mapping[str, Split]) -> dict[int, Split]:
        """The split of each place at which a tile has one."""
        ranks = self.ranks()
        return {ranks[tile]: split for tile, split in known.items()}

    def are_apart(self, one: int, other: int, gap: int) -> bool:
        """Whether tiles at two places have ``gap`` others between them and share no pixel."""
        reach = abs(self.places[one] - self.places[other])
        return abs(one - other) > gap and reach >= self.side


def _by_scene(tiles: Mapping[str, Tile]) -> dict[str, list[str]]:
    scenes: dict[str, list[str]] = defaultdict(list)
    for sha256, tile in sorted(tiles.items()):
        scenes[tile.scene].append(sha256)
    return scenes


def _line(scene: str, tiles: Mapping[str, Tile], known: Mapping[str, Split]) -> _Line:
    """The side with most places; where splits stand already, the one that they were cut along."""
    across = {sha256: (tile.x, tile.width) for sha256, tile in tiles.items()}
    down = {sha256: (tile.y, tile.height) for sha256, tile in tiles.items()}
    fitting = [
        places
        for places in (across, down)
        if len({(places[tile][0], split) for tile, split in known.items()})
        == len({places[tile][0] for tile in known})
    ]
    if not fitting:
        raise DatasetError(
            f"tiles of the big picture {_named(scene)} were not split by space before",
            expected="one split for all tiles of a row or column",
            todo="add --anew to split them again",
        )
    longest = max(fitting, key=lambda places: len({start for start, _ in places.values()}))
    start = {tile: at for tile, (at, _) in longest.items()}
    places = sorted(set(start.values()))
    steps = [after - before for before, after in pairwise(places)]
    # Places are counted, or told in pixels: then tiles may overlap.
    in_pixels = bool(steps) and median(steps) > 1
    return _Line(start, places, max(side for _, side in longest.values()) if in_pixels else 1)


def _cut(line: _Line, config: SplitConfig) -> dict[int, Split]:
    """The split of each place but for those in the gaps; none where three strips find no room."""
    count = len(line.places)
    dropped = 2 * (count - 1 - _before(count - 1, line, config.gap) - 1)
    usable = count - dropped
    test = max(1, round(usable * config.test))
    validation = max(1, round(usable * config.validation))
    while True:
        first_of_test = count - test
        last_of_validation = _before(first_of_test, line, config.gap)
        first_of_validation = last_of_validation - validation + 1
        last_of_train = _before(first_of_validation, line, config.gap)
        if last_of_train >= 0:
            break
        if max(test, validation) == 1:
            return {}
        test, validation = max(1, test - 1), max(1, validation - 1)
    strips: dict[int, Split] = dict.fromkeys(range(last_of_train + 1), "train")
    strips |= dict.fromkeys(range(first_of_validation, last_of_validation + 1), "validation")
    return strips | dict.fromkeys(range(first_of_test, count), "test")


def _before(place: int, line: _Line, gap: int) -> int:
    """The last place that is apart from ``place`` and before it; negative where there is none."""
    if place < 0:
        return -1
    return max((at for at in range(place) if line.are_apart(at, place, gap)), default=-1)


def _strip_at(place: int, strips: Mapping[int, Split], line: _Line, gap: int) -> Split | None:
    """The strip at a place, or the only one within reach of it."""
    if place in strips:
        return strips[place]
    nearest = min(strips, key=lambda at: (abs(line.places[at] - line.places[place]), at))
    others = [at for at, split in strips.items() if split != strips[nearest]]
    if all(line.are_apart(at, place, gap) for at in others):
        return strips[nearest]
    return None


def _too_small(
    tiles: Mapping[str, Tile], scenes: Sequence[Sequence[str]], config: SplitConfig
) -> DatasetError:
    largest = max(scenes, key=len)
    corners = [tiles[tile] for tile in largest]
    places = max(len({tile.x for tile in corners}), len({tile.y for tile in corners}))
    return DatasetError(
        f"the big picture {_named(corners[0].scene)} has {places} places",
        expected=f"at least {3 + 2 * config.gap}: three strips and two gaps of {config.gap}, "
        f"wider where tiles overlap; or {_FEWEST_SCENES} big pictures, each kept whole",
        todo="make the tiles, their overlap or the gap smaller",
    )


def _named(scene: str) -> str:
    return repr(scene.strip() or "(all tiles)")

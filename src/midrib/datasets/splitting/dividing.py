"""Who learns, who tunes, who judges: decided once for every picture, by its content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from midrib.datasets.records import SPLITS, Dataset, Item, Problem, Split
from midrib.datasets.splitting.config import SplitConfig
from midrib.datasets.splitting.drawing import draw
from midrib.datasets.splitting.facts import groups_of, tiles_of, times_of
from midrib.datasets.splitting.ordering import by_time
from midrib.datasets.splitting.space import by_space
from midrib.datasets.splitting.units import Ties, join_decided, torn

SET_ASIDE = "set aside"
"""The kind of problem of a picture that gets no split since it would join several."""

IN_THE_GAP = "in the gap"
"""The kind of problem of a tile between two splits."""


def split_dataset(
    dataset: Dataset,
    config: SplitConfig,
    *,
    previous: Mapping[str, Split] | None = None,
    copies: Iterable[tuple[str, str]] = (),
) -> Dataset:
    """Give every picture a split.

    Shares are met within rounding for each class, counted in pictures that differ; a class with
    three of them is in all three splits. Exact copies come into one split, whatever their
    labels; so do near-copies and pictures of one group. The draw depends on contents and seed,
    not on names or order.

    Splits that the source gives are kept. Where it gives one to every picture but leaves out
    validation or test altogether, those are drawn from its training pictures.

    A picture that would join pictures of several splits is set aside: it leaves the items and is
    named among the problems, as are tiles in the gaps between strips.

    Args:
        dataset: what to split.
        config: the shares, what stays together and the seed.
        previous: SHA-256 of a picture to the split it had before (see `load_splits`): it stays
            there, so that adding pictures never moves one from training to test or back.
        copies: pairs of SHA-256 that are near-copies.

    Raises:
        DatasetError: the pictures do not say what the options ask of them.
    """
    items, open_splits = _undecided(dataset.items)
    decided = _decided(items, open_splits, previous or {})
    ties = _ties(dataset, config, copies)
    open_pictures = {item.sha256 for item in items} - decided.keys()
    dropped: set[str] = set()
    if config.by == "space":
        strips = by_space(tiles_of(dataset, config), open_pictures, decided, config)
        drawn, dropped = strips.drawn, strips.dropped
        drawn |= draw(_labels(items), strips.scenes, decided | drawn, open_splits, config)
        bridges = torn(ties, drawn, decided)
    else:
        drawn, bridges = join_decided(ties, decided, open_pictures)
        decided |= drawn
        waiting = open_pictures - drawn.keys() - bridges.keys()
        if config.by == "time":
            drawn = by_time(times_of(dataset, config), ties.parts(waiting), decided, config)
        else:
            labels = _labels(items, bridges.keys())
            drawn = draw(labels, ties.parts(waiting), decided, open_splits, config)
    decided |= {picture: split for picture, split in drawn.items() if picture not in bridges}
    return replace(
        dataset,
        items=tuple(
            replace(item, split=item.split or decided[item.sha256])
            for item in items
            if item.split or item.sha256 in decided
        ),
        problems=(*dataset.problems, *_left_out(items, decided | drawn, bridges, dropped)),
    )


def _undecided(items: Sequence[Item]) -> tuple[Sequence[Item], tuple[Split, ...]]:
    """The items with those that have to be drawn freed, and the splits that are drawn for."""
    given = {item.split for item in items}
    lacking = [split for split in SPLITS if split not in given]
    if None in given or not lacking:
        return items, SPLITS
    freed = [replace(item, split=None) if item.split == "train" else item for item in items]
    return freed, ("train", *lacking)


def _decided(
    items: Iterable[Item], open_splits: Sequence[Split], previous: Mapping[str, Split]
) -> dict[str, Split]:
    decided: dict[str, Split] = {}
    for item in items:
        before = previous.get(item.sha256)
        if before is not None and before in open_splits:
            decided[item.sha256] = before
    # What was learnt from must not judge: of copies given to several splits, train counts.
    for split in reversed(SPLITS):
        decided |= {item.sha256: split for item in items if item.split == split}
    return decided


def _ties(dataset: Dataset, config: SplitConfig, copies: Iterable[tuple[str, str]]) -> Ties:
    ties = Ties()
    if config.keep_together:
        for first, second in copies:
            ties.tie(first, second)
    if config.by != "space":  # there, a group is one big picture, which is what is cut
        groups = groups_of(dataset, config)
        for item in dataset.items:
            for group in groups.get(item.path, ()):
                ties.put_in_group(item.sha256, group)
    return ties


def _labels(items: Iterable[Item], without: Iterable[str] = ()) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = defaultdict(set)
    for item in items:
        labels[item.sha256] |= item.named
    for picture in without:
        del labels[picture]
    return labels


def _left_out(
    items: Iterable[Item],
    decided: Mapping[str, Split],
    bridges: Mapping[str, set[str]],
    dropped: set[str],
) -> list[Problem]:
    paths: dict[str, Path] = {}
    for item in items:
        paths.setdefault(item.sha256, item.path)
    problems = []
    for item in items:
        if item.sha256 in bridges:
            joins = sorted(bridges[item.sha256], key=lambda each: (decided[each], paths.get(each)))
            why = _why(joins, decided, paths, decided.get(item.sha256))
            problems.append(Problem(item.path, SET_ASIDE, why))
        elif item.sha256 in dropped:
            problems.append(Problem(item.path, IN_THE_GAP, "it lies between two splits"))
    return problems


def _why(
    joins: Sequence[str],
    decided: Mapping[str, Split],
    paths: Mapping[str, Path],
    own: Split | None,
) -> str:
    """What a picture belongs to in several splits; ``own`` is the one that its place gives it."""
    firsts = {decided[each]: paths.get(each) for each in reversed(joins)}
    told = [
        f"{path.name} of {split}" if path else f"a picture of {split}"
        for split, path in sorted(firsts.items())
    ]
    if own:
        return f"it lies in {own}, but is a copy of {' and of '.join(told)}"
    return f"it belongs to {' and to '.join(told)}, which must not share a picture"

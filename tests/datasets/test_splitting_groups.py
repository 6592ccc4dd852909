"""Splits that keep groups whole, follow time or space, and never move a picture."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.datasets import Dataset, Item, SplitConfig, split_dataset
from midrib.datasets.annotations import Annotation
from midrib.datasets.splitting import IN_THE_GAP, SET_ASIDE
from midrib.errors import ConfigError, DatasetError

_ROOT = Path("/photos")


def picture(
    name: str, *labels: str, group: str | None = None, objects: tuple[str, ...] = ()
) -> Item:
    """A picture whose content is its name."""
    return Item(
        _ROOT / name,
        labels,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        bytes=100,
        group=group,
        annotations=tuple(Annotation(each, (0, 0, 5, 5)) for each in objects),
    )


def dataset(*items: Item) -> Dataset:
    labels = sorted({label for item in items for label in item.named})
    return Dataset(_ROOT, items, tuple(labels))


def splits(divided: Dataset) -> dict[str, str | None]:
    return {item.path.name: item.split for item in divided.items}


grouped = st.lists(st.integers(0, 12), min_size=6, max_size=60).map(
    lambda groups: [
        picture(f"{place}.png", "ab"[group % 2], group=f"g{group}")
        for place, group in enumerate(groups)
    ]
)
links = st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=12)


def pairs(items: list[Item], places: list[tuple[int, int]]) -> list[tuple[str, str]]:
    count = len(items)
    return [(items[a % count].sha256, items[b % count].sha256) for a, b in places]


@given(grouped, links)
def test_groups_and_copies_are_never_divided(
    items: list[Item], places: list[tuple[int, int]]
) -> None:
    """Whatever is in one group or is a copy of one another is in one split."""
    copies = pairs(items, places)
    divided = split_dataset(dataset(*items), SplitConfig(), copies=copies)
    found = {item.sha256: item for item in divided.items}
    assert len(found) == len(items)
    by_group = defaultdict(set)
    for item in divided.items:
        by_group[item.group].add(item.split)
    assert all(len(each) == 1 for each in by_group.values())
    assert all(found[a].split == found[b].split for a, b in copies)


@given(grouped, grouped, links)
def test_old_pictures_never_move(
    before: list[Item], added: list[Item], places: list[tuple[int, int]]
) -> None:
    """New pictures join what they belong to or are set aside; none is in two minds silently."""
    added = [
        replace(item, path=_ROOT / f"new-{item.path.name}", sha256=item.sha256[::-1])
        for item in added
    ]
    first = split_dataset(dataset(*before), SplitConfig())
    previous = {item.sha256: item.split for item in first.items if item.split}
    everything = [*before, *added]
    copies = pairs(everything, places)
    second = split_dataset(dataset(*everything), SplitConfig(), previous=previous, copies=copies)
    now = {item.sha256: item.split for item in second.items}
    assert previous.items() <= now.items()
    aside = {each.path for each in second.problems}
    assert {item.path for item in everything} == {item.path for item in second.items} | aside
    new = {item.sha256 for item in added}
    for a, b in copies:
        if a in now and b in now and (a in new or b in new):
            assert now[a] == now[b]


@given(grouped, links, st.randoms())
def test_order_does_not_count(
    items: list[Item], places: list[tuple[int, int]], random: object
) -> None:
    """Groups and copies told in another order give the same splits."""
    copies = pairs(items, places)
    shuffled, turned = list(items), [(b, a) for a, b in reversed(copies)]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it loosely
    first = split_dataset(dataset(*items), SplitConfig(), copies=copies)
    second = split_dataset(dataset(*shuffled), SplitConfig(), copies=turned)
    assert splits(first) == splits(second)


@given(st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=60, max_size=160))
def test_each_label_of_several_has_its_shares(labels: list[set[str]]) -> None:
    """With several labels a picture, every frequent label is held out about as often as asked."""
    items = [picture(f"{place}.png", *sorted(each)) for place, each in enumerate(labels)]
    divided = split_dataset(dataset(*items), SplitConfig(validation=0.2, test=0.2))
    for label in "abcd":
        found = Counter(item.split for item in divided.items if label in item.labels)
        total = sum(found.values())
        if total >= 20:
            assert abs(found["test"] - 0.2 * total) <= 0.1 * total + 2


def test_objects_in_pictures_are_stratified_by_the_rarest() -> None:
    """A class that three pictures have objects of is in all splits."""
    items = [picture(f"{place}.png", objects=("tree",)) for place in range(40)]
    items += [picture(f"rare-{place}.png", objects=("tree", "owl")) for place in range(3)]
    divided = split_dataset(dataset(*items), SplitConfig())
    assert {item.split for item in divided.items if "owl" in item.named} == {
        "train",
        "validation",
        "test",
    }


def test_a_pattern_names_groups() -> None:
    """What the group of an expression matches in the path stays whole."""
    items = [
        picture(f"p{person}-{shot}.png", "ab"[shot % 2]) for person in range(9) for shot in range(4)
    ]
    divided = split_dataset(dataset(*items), SplitConfig(groups=r"(?P<group>p\d+)-"))
    people = defaultdict(set)
    for name, split in splits(divided).items():
        people[name.split("-")[0]].add(split)
    assert all(len(each) == 1 for each in people.values())
    assert set.union(*people.values()) == {"train", "validation", "test"}


def test_a_pattern_that_finds_nothing_is_refused() -> None:
    """An expression that names no group at all is a mistake, not a wish."""
    items = [picture(f"{place}.png", "a") for place in range(6)]
    with pytest.raises(DatasetError, match="finds a group in no picture"):
        split_dataset(dataset(*items), SplitConfig(groups=r"(?P<group>x\d+)"))
    with pytest.raises(ConfigError, match="P<group>"):
        SplitConfig(groups=r"p\d+")


def test_a_bridge_is_set_aside_and_named() -> None:
    """A picture that is a copy of one that is learnt from and of one that judges gets no split."""
    learnt, judged, new = (picture(name, "a") for name in ("learnt.png", "judged.png", "new.png"))
    divided = split_dataset(
        dataset(learnt, judged, new),
        SplitConfig(),
        previous={learnt.sha256: "train", judged.sha256: "test"},
        copies=[(new.sha256, learnt.sha256), (judged.sha256, new.sha256)],
    )
    assert splits(divided) == {"learnt.png": "train", "judged.png": "test"}
    (aside,) = divided.problems
    assert (aside.path.name, aside.kind) == ("new.png", SET_ASIDE)
    assert "learnt.png of train" in aside.reason
    assert "judged.png of test" in aside.reason


def test_the_oldest_learn_and_the_newest_judge() -> None:
    """By time, no picture that judges is older than one that is learnt from; news judge too."""
    items = [
        picture(f"2024-{month:02}-0{day}.png", "a") for month in range(1, 11) for day in (1, 5)
    ]
    config = SplitConfig(by="time", times=r"(?P<time>\d{4}-\d\d-\d\d)", validation=0.2, test=0.2)
    first = split_dataset(dataset(*items), config)
    order = [split for _, split in sorted(splits(first).items())]
    assert order == ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    previous = {item.sha256: item.split for item in first.items if item.split}
    late, early = picture("2025-01-01.png", "a"), picture("2023-01-01.png", "a")
    second = splits(split_dataset(dataset(*items, late, early), config, previous=previous))
    assert (second["2025-01-01.png"], second["2023-01-01.png"]) == ("test", "train")


def test_tiles_are_split_in_strips_with_gaps() -> None:
    """By space, tiles of two splits are never neighbours: those between are left out and named."""
    items = [picture(f"field-{x}-{y}.png", "a") for x in range(20) for y in range(4)]
    config = SplitConfig(by="space", places=r"-(?P<x>\d+)-(?P<y>\d+)", gap=2)
    divided = split_dataset(dataset(*items), config)
    columns = defaultdict(set)
    for name, split in splits(divided).items():
        columns[split].add(int(name.split("-")[1]))
    for one, other in (("train", "validation"), ("validation", "test"), ("train", "test")):
        assert min(abs(a - b) for a in columns[one] for b in columns[other]) == 3 or one == "train"
    assert len([each for each in divided.problems if each.kind == IN_THE_GAP]) == 2 * 2 * 4
    previous = {item.sha256: item.split for item in divided.items if item.split}
    again = split_dataset(dataset(*items), config, previous=previous)
    assert splits(again) == splits(divided)


def test_a_picture_with_too_few_tiles_is_refused() -> None:
    """Three strips and two gaps need their places."""
    items = [picture(f"field-{x}-0.png", "a") for x in range(4)]
    config = SplitConfig(by="space", places=r"-(?P<x>\d+)-(?P<y>\d+)")
    with pytest.raises(DatasetError, match="4 places"):
        split_dataset(dataset(*items), config)


def tiles_of(scene: str, xs: range, ys: range, side: int) -> list[Item]:
    """Tiles that are named by their corners in pixels."""
    drawn = [picture(f"{scene}@{x},{y}.png", "a") for x in xs for y in ys]
    return [replace(item, width=side, height=side) for item in drawn]


IN_PIXELS = SplitConfig(
    by="space", groups=r"(?P<group>[^/@]+)@", places=r"@(?P<x>\d+),(?P<y>\d+)", gap=1
)


def corners(divided: Dataset) -> dict[str | None, list[tuple[str, int, int, int]]]:
    found = defaultdict(list)
    for item in divided.items:
        scene, _, at = item.path.stem.partition("@")
        x, _, y = at.partition(",")
        found[item.split].append((scene, int(x), int(y), item.width))
    return found


@given(
    side=st.integers(8, 40),
    step=st.integers(4, 40),
    columns=st.integers(12, 30),
    gap=st.integers(0, 2),
)
def test_no_pixel_is_in_two_strips(side: int, step: int, columns: int, gap: int) -> None:
    """However far tiles overlap, no two of different splits share a pixel, nor do later ones."""
    last = step * (columns - 2) + 1  # the last tile ends where the picture ends
    items = [
        replace(picture(f"field@{x},{y}.png", "a"), width=side, height=side)
        for x in sorted({*range(0, last, step), last})
        for y in range(0, 3 * step, step)
    ]
    config = IN_PIXELS.model_copy(update={"gap": gap})
    try:
        divided = split_dataset(dataset(*items[::2]), config)
    except DatasetError:
        assert side > step or columns < 3 + 2 * gap
        return
    previous = {item.sha256: item.split for item in divided.items if item.split}
    for found in (divided, split_dataset(dataset(*items), config, previous=previous)):
        for item in found.items:
            assert item.split == previous.get(item.sha256, item.split)
        placed = corners(found)
        for one, other in (("train", "validation"), ("validation", "test"), ("train", "test")):
            starts = {x for _, x, _, _ in placed[other]}
            assert starts
            for _, x, _, _ in placed[one]:
                assert all(abs(x - each) >= side for each in starts)


def test_big_pictures_that_are_too_small_stay_whole() -> None:
    """Beside one that is cut, small scenes each come into one split as a whole."""
    large = tiles_of("large", range(0, 2000, 100), range(0, 300, 100), 100)
    small = [
        tile
        for number in range(12)
        for tile in tiles_of(f"small{number}", range(0, 300, 100), range(0, 300, 100), 100)
    ]
    divided = split_dataset(dataset(*large, *small), IN_PIXELS)
    scenes = defaultdict(set)
    for split, found in corners(divided).items():
        for scene, _, _, _ in found:
            scenes[scene].add(split)
    assert scenes.pop("large") == {"train", "validation", "test"}
    assert all(len(found) == 1 for found in scenes.values())
    assert set.union(*scenes.values()) == {"train", "validation", "test"}


def test_more_rows_do_not_turn_the_strips() -> None:
    """Strips that were cut from left to right stay so when the picture grows downwards."""
    before = tiles_of("field", range(0, 1000, 100), range(0, 300, 100), 100)
    divided = split_dataset(dataset(*before), IN_PIXELS)
    previous = {item.sha256: item.split for item in divided.items if item.split}
    grown = tiles_of("field", range(0, 1000, 100), range(0, 3000, 100), 100)
    again = split_dataset(dataset(*grown), IN_PIXELS, previous=previous)
    columns = defaultdict(set)
    for split, found in corners(again).items():
        for _, x, _, _ in found:
            columns[x].add(split)
    assert all(len(found) == 1 for found in columns.values())


def test_tiles_that_were_drawn_before_are_not_taken_for_strips() -> None:
    """A picture whose tiles were split by a draw is not cut on top of it."""
    items = tiles_of("field", range(0, 1000, 100), range(0, 1000, 100), 100)
    drawn = split_dataset(dataset(*items), SplitConfig())
    previous = {item.sha256: item.split for item in drawn.items if item.split}
    with pytest.raises(DatasetError, match="not split by space before"):
        split_dataset(dataset(*items), IN_PIXELS, previous=previous)


def test_copies_in_two_strips_are_set_aside() -> None:
    """Of near-copies in two strips the one that judges leaves, and is named with the other."""
    items = tiles_of("field", range(0, 2000, 100), range(0, 100, 100), 100)
    divided = split_dataset(
        dataset(*items), IN_PIXELS, copies=[(items[0].sha256, items[19].sha256)]
    )
    assert items[19].path not in {item.path for item in divided.items}
    [told] = [each for each in divided.problems if each.kind == SET_ASIDE]
    assert told.path == items[19].path
    assert told.reason == "it lies in test, but is a copy of field@0,0.png of train"


def test_files_times_order_pictures(tmp_path: Path) -> None:
    """Where asked, the time of the file counts."""
    items = []
    for place in range(10):
        path = tmp_path / f"{9 - place}.png"
        path.write_bytes(b"")
        os.utime(path, (place * 1000, place * 1000))
        items.append(replace(picture(path.name, "a"), path=path))
    divided = split_dataset(
        replace(dataset(*items), source=tmp_path), SplitConfig(by="time", times="file")
    )
    assert splits(divided)["9.png"] == "train"
    assert splits(divided)["0.png"] == "test"

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

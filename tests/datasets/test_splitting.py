from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.datasets import (
    SPLITS,
    Dataset,
    Item,
    Split,
    SplitConfig,
    check_dataset,
    split_dataset,
)
from midrib.errors import ConfigError

Picture = tuple[int, str]
"""Content and label."""


def dataset_of(pictures: Iterable[Picture], split: Split | None = None) -> Dataset:
    """A dataset of contents and labels; equal contents are exact copies."""
    items = tuple(
        Item(
            path=Path(f"/photos/{label}/{place}.png"),
            labels=(label,),
            sha256=hashlib.sha256(str(content).encode()).hexdigest(),
            bytes=100,
            split=split,
        )
        for place, (content, label) in enumerate(pictures)
    )
    return Dataset(Path("/photos"), items, tuple(sorted({item.label for item in items})))


def splits_of(dataset: Dataset) -> dict[str, Split | None]:
    """Content to split."""
    return {item.sha256: item.split for item in dataset.items}


def distinct(dataset: Dataset) -> dict[str, dict[str, Split | None]]:
    """Label to distinct content to split."""
    found: dict[str, dict[str, Split | None]] = defaultdict(dict)
    for item in dataset.items:
        found[item.label][item.sha256] = item.split
    return found


# Few contents and labels, so that copies and copies under several labels are frequent.
tangled = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=120
)
plain = st.lists(st.integers(0, 300), min_size=1, max_size=150).map(
    lambda contents: [(content, "abc"[content % 3]) for content in contents]
)
configs = st.builds(
    SplitConfig,
    validation=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    seed=st.integers(0, 5),
)


@given(tangled, configs)
def test_exact_copies_stay_together(pictures: list[Picture], config: SplitConfig) -> None:
    """No content is ever in two splits, whatever labels its copies carry."""
    result = split_dataset(dataset_of(pictures), config)
    together: dict[str, set[Split | None]] = defaultdict(set)
    for item in result.items:
        together[item.sha256].add(item.split)
    assert all(len(splits) == 1 and splits <= set(SPLITS) for splits in together.values())
    assert not check_dataset(result).leaks


@given(tangled, configs, st.randoms())
def test_order_and_names_do_not_count(
    pictures: list[Picture], config: SplitConfig, random: object
) -> None:
    """The same contents in another order, under other names, get the same splits."""
    shuffled = list(pictures)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it loosely
    first = split_dataset(dataset_of(pictures), config)
    second = split_dataset(dataset_of(shuffled), config)
    assert splits_of(first) == splits_of(second)
    assert first.version == second.version


@given(plain, plain, configs)
def test_adding_pictures_moves_none(
    before: list[Picture], added: list[Picture], config: SplitConfig
) -> None:
    """With the previous splits at hand, old pictures keep theirs and new ones get one."""
    first = splits_of(split_dataset(dataset_of(before), config))
    second = splits_of(split_dataset(dataset_of(before + added), config, previous=first))
    assert first.items() <= second.items()
    assert None not in second.values()


@given(plain, configs)
def test_proportions_are_met_within_rounding(pictures: list[Picture], config: SplitConfig) -> None:
    """Each class with enough pictures has its shares, to the nearest picture but at least one."""
    for splits in distinct(split_dataset(dataset_of(pictures), config)).values():
        count, found = len(splits), Counter(splits.values())
        held_out = {"validation": config.validation, "test": config.test}
        if count >= 3 and found["train"] > 1:
            for split, share in held_out.items():
                assert found[split] == max(1, round(share * count))


@given(plain, configs)
def test_every_class_with_three_pictures_is_in_all_splits(
    pictures: list[Picture], config: SplitConfig
) -> None:
    """Three pictures that differ are enough to learn, choose and judge; fewer are learnt from."""
    for splits in distinct(split_dataset(dataset_of(pictures), config)).values():
        expected = set(SPLITS) if len(splits) >= 3 else {"train"}
        assert set(splits.values()) == expected


@given(tangled, configs)
def test_contested_pictures_do_not_push_a_class_out(
    pictures: list[Picture], config: SplitConfig
) -> None:
    """A class with three pictures that are its alone is in all splits, whatever else it shares."""
    labels_of: dict[int, set[str]] = defaultdict(set)
    for content, label in pictures:
        labels_of[content].add(label)
    own = Counter(next(iter(labels)) for labels in labels_of.values() if len(labels) == 1)
    result = distinct(split_dataset(dataset_of(pictures), config))
    for label, count in own.items():
        if count >= 3:
            assert set(result[label].values()) == set(SPLITS)


@given(plain, plain, configs)
def test_a_split_catches_up_when_pictures_come(
    before: list[Picture], added: list[Picture], config: SplitConfig
) -> None:
    """New pictures go where they lack: a split falls short only where none was left to give."""
    first = splits_of(split_dataset(dataset_of(before), config))
    everything = dataset_of(before + added)
    for splits in distinct(split_dataset(everything, config, previous=first)).values():
        new = [split for sha256, split in splits.items() if sha256 not in first]
        if len(splits) >= 3 and len(new) >= 3:
            assert set(splits.values()) == set(SPLITS)


def test_the_seed_changes_the_draw() -> None:
    """Another seed draws other pictures."""
    dataset = dataset_of((content, "ab"[content % 2]) for content in range(100))
    draws = [splits_of(split_dataset(dataset, SplitConfig(seed=seed))) for seed in (0, 1)]
    assert draws[0] != draws[1]


def test_the_draw_is_the_same_on_every_machine() -> None:
    """The default draw of ten known pictures is pinned: it depends on nothing but content."""
    dataset = dataset_of((content, "ab"[content % 2]) for content in range(10))
    drawn = split_dataset(dataset, SplitConfig())
    initials = "".join((item.split or "?")[:2] + " " for item in drawn.items)
    assert initials == "tr tr tr tr va va tr tr te te "


def test_given_splits_are_kept() -> None:
    """What the source says stays, and the others are drawn around it."""
    dataset = dataset_of((content, "ab"[content % 2]) for content in range(40))
    given_to = dict(enumerate(["test", "train", "validation", "train"]))
    items = tuple(replace(i, split=given_to.get(n)) for n, i in enumerate(dataset.items))
    result = split_dataset(replace(dataset, items=items), SplitConfig())
    assert [item.split for item in result.items[:4]] == list(given_to.values())
    assert result.counts()["test"] == {"a": 3, "b": 3}


def test_given_splits_beat_previous_ones() -> None:
    """The source says where a picture belongs now."""
    dataset = dataset_of(((content, "ab"[content % 2]) for content in range(8)), split="train")
    items = (*(replace(i, split="test") for i in dataset.items[:2]), *dataset.items[2:])
    previous: dict[str, Split] = {item.sha256: "train" for item in items}
    result = split_dataset(replace(dataset, items=items), SplitConfig(), previous=previous)
    assert [item.split for item in result.items[:2]] == ["test", "test"]


def test_a_whole_set_of_given_splits_is_left_alone() -> None:
    """Where every picture has a split and all three are there, nothing is drawn."""
    dataset = dataset_of((content, "ab"[content % 2]) for content in range(30))
    items = tuple(replace(i, split=SPLITS[n % 3]) for n, i in enumerate(dataset.items))
    whole = replace(dataset, items=items)
    assert split_dataset(whole, SplitConfig()) == whole


@pytest.mark.parametrize(("present", "lacking"), [("test", "validation"), ("validation", "test")])
def test_a_split_that_the_source_lacks_comes_out_of_train(present: Split, lacking: Split) -> None:
    """Folders of train and test alone still give pictures to choose by; test stays as it was."""
    dataset = dataset_of((content, "ab"[content % 2]) for content in range(40))
    items = tuple(
        replace(i, split=present if n < 10 else "train") for n, i in enumerate(dataset.items)
    )
    result = split_dataset(replace(dataset, items=items), SplitConfig(validation=0.1, test=0.1))
    assert [item.split for item in result.items[:10]] == [present] * 10
    assert result.counts() == {
        "train": {"a": 13, "b": 13},
        present: {"a": 5, "b": 5},
        lacking: {"a": 2, "b": 2},
    }


def test_a_copy_of_a_given_picture_joins_it() -> None:
    """An undecided copy goes where the given one is; between two, where it was learnt from."""
    dataset = dataset_of([(0, "a"), (0, "a"), (1, "b"), (1, "b"), (1, "b"), (2, "a"), (3, "b")])
    given_to: list[Split | None] = ["test", None, "validation", "train", None, None, None]
    items = tuple(replace(i, split=s) for i, s in zip(dataset.items, given_to, strict=True))
    result = split_dataset(replace(dataset, items=items), SplitConfig())
    assert [item.split for item in result.items[:5]] == [
        "test",
        "test",
        "validation",
        "train",
        "train",
    ]


@pytest.mark.parametrize(
    "options",
    [{"validation": 0}, {"test": 0}, {"validation": 0.5, "test": 0.4}, {"seed": -1}, {"tests": 1}],
)
def test_impossible_shares_are_refused(options: dict[str, float]) -> None:
    """Shares must be above zero and leave a tenth to learn from; unknown options are refused."""
    with pytest.raises(ConfigError):
        SplitConfig(**options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"gap": 2}, "gap only where by is 'space', and it is 'draw'"),
        ({"places": "(?P<x>.)(?P<y>.)", "by": "time"}, "places only where by is 'space'"),
        ({"times": "file"}, "times only where by is 'time', and it is 'draw'"),
        ({"by": "space"}, "places to be a regular expression"),
    ],
)
def test_options_of_another_way_to_split_are_refused(options: dict[str, Any], told: str) -> None:
    """An option that nothing would come of is not ignored, and the one that lacks is named."""
    with pytest.raises(ConfigError) as refused:
        SplitConfig(**options)
    assert told in refused.value.expected

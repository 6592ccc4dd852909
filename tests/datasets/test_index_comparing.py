from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import drawn_datasets
import pytest
from drawn_datasets import ROOT, dataset_of
from hypothesis import given, settings
from hypothesis import strategies as st

from midrib.datasets import SPLITS, Dataset, Item
from midrib.datasets.annotations import Annotation
from midrib.datasets.index import CHANGES, Change, compared, write_index
from midrib.errors import DatasetError

Kinds = set[tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for indexes; its name would be a pattern to a shell."""
    return tmp_path_factory.mktemp("in[d]*x?")


def changes(folder: Path, old: Dataset, new: Dataset) -> list[Change]:
    """What the comparison tells, its counts checked against what it lists."""
    write_index(folder / "old", old, mapped=False)
    write_index(folder / "new", new, mapped=False)
    with compared(folder / "old", folder / "new") as comparison:
        found = list(comparison.changes())
        counted = comparison.counts()
        first = list(comparison.changes(most_of_a_kind=1))
    assert list(counted) == list(CHANGES)
    for kind, parts in counted.items():
        of_kind = [change for change in found if change.kind == kind]
        assert sum(parts.values()) == len(of_kind)
        assert parts.keys() == {change.part for change in of_kind}
        assert [change for change in first if change.kind == kind] == of_kind[:1]
    return found


def picture(number: int) -> Item:
    """A picture that no other one equals."""
    sha256 = hashlib.sha256(f"picture {number}".encode()).hexdigest()
    return Item(ROOT / f"{number}.png", ("cat",), sha256, number + 1, "train")


@settings(max_examples=15)  # a comparison takes half a second
@given(st.lists(st.sampled_from([*CHANGES, "same"]), max_size=8), st.randoms())
def test_what_was_done_to_pictures_is_what_is_told(
    folder: Path, done: list[str], random: st.DataObject
) -> None:
    """Each picture's change is told and no other; the other way round each is turned round."""
    old, new = [], []
    for number, kind in enumerate(done):
        item = picture(number)
        box = Annotation("cat", (0, 0, 2, 2))
        changed = {
            "added": [item],
            "removed": [],
            "relabelled": [replace(item, labels=("dog",))],
            "re-annotated": [replace(item, annotations=(box,))],
            "regrouped": [replace(item, group="patient 7")],
            "moved": [replace(item, split="test")],
            "copied": [item, replace(item, path=ROOT / f"copy of {number}.png")],
            "same": [replace(item, path=ROOT / f"renamed {number}.png")],
        }[kind]
        old += [] if kind == "added" else [item]
        new += changed
    random.shuffle(new)
    expected = {(kind, picture(number).sha256) for number, kind in enumerate(done)}
    expected = {(kind, sha256) for kind, sha256 in expected if kind != "same"}
    forth = changes(folder, dataset_of(old), dataset_of(new))
    back = changes(folder, dataset_of(new), dataset_of(old))
    turned = {"added": "removed", "removed": "added"}
    assert {(change.kind, change.sha256) for change in forth} == expected
    assert {(turned.get(c.kind, c.kind), c.sha256, c.before, c.after) for c in back} == {
        (c.kind, c.sha256, c.after, c.before) for c in forth
    }


@settings(max_examples=15)
@given(drawn_datasets.datasets, drawn_datasets.datasets)
def test_what_is_told_leads_from_one_dataset_to_the_other(
    folder: Path, old: Dataset, new: Dataset
) -> None:
    """Replaced as told, the rows of one dataset are those of the other; told is no more."""
    found = changes(folder, old, new)
    rows, target = rows_of(old), rows_of(new)
    for change in found:
        assert told(change.before) == rows_of(old).get(change.sha256, [])
        rows[change.sha256] = told(change.after)
    assert {sha256: each for sha256, each in rows.items() if each} == target
    touched = {change.sha256 for change in found}
    assert touched == {
        sha256
        for sha256 in keys_of(old).keys() | keys_of(new).keys()
        if keys_of(old).get(sha256) != keys_of(new).get(sha256)
    }
    assert (found == []) == (old.version == new.version)


def rows_of(dataset: Dataset) -> dict[str, list[tuple[object, ...]]]:
    """What is said of each content's files, but for what annotations they have."""
    rows = defaultdict(list)
    for item in dataset.items:
        split = item.split or "unsplit"
        told = (sorted(item.labels), split, item.group or "", len(item.annotations))
        rows[item.sha256].append(told)
    return {sha256: sorted(each) for sha256, each in rows.items()}


def keys_of(dataset: Dataset) -> dict[str, list[list[object]]]:
    """What a version counts of each content's files."""
    keys = defaultdict(list)
    for item in dataset.items:
        keys[item.sha256].append(item.key())
    return {sha256: sorted(each) for sha256, each in keys.items()}


def told(copies: tuple[object, ...]) -> list[tuple[object, ...]]:
    return sorted((list(copy.labels), copy.split, copy.group, copy.objects) for copy in copies)


def test_one_picture_may_change_in_several_ways(folder: Path) -> None:
    """Relabelled and moved is told as both, each with where from and where to."""
    old = dataset_of([picture(1), picture(2)])
    changed = replace(picture(1), labels=("dog", "a"), split=None)
    found = changes(folder, old, dataset_of([changed, picture(2)]))
    assert [(change.kind, change.part) for change in found] == [
        ("relabelled", "cat → a + dog"),
        ("moved", "train → unsplit"),
    ]
    assert found[0].as_record() == {
        "change": "relabelled",
        "sha256": picture(1).sha256,
        "path": "1.png",
        "before": [
            {"path": "1.png", "labels": ["cat"], "split": "train", "group": "", "objects": 0}
        ],
        "after": [
            {"path": "1.png", "labels": ["a", "dog"], "split": "unsplit", "group": "", "objects": 0}
        ],
    }


def test_copies_that_exchange_their_splits_are_told(folder: Path) -> None:
    """Two copies with different labels that change places between splits are a change."""
    one, other = picture(1), replace(picture(1), labels=("dog",), split="test")
    exchanged = [replace(one, split="test"), replace(other, split="train")]
    found = changes(folder, dataset_of([one, other]), dataset_of(exchanged))
    assert [change.kind for change in found] == ["moved"]


def test_what_is_no_table_is_refused(folder: Path) -> None:
    """A damaged table is named in one line."""
    dataset = dataset_of([replace(picture(n), split=SPLITS[n % 3]) for n in range(9)])
    write_index(folder / "old", dataset)
    write_index(folder / "new", dataset)
    table = folder / "new" / "index.parquet"
    table.write_bytes(table.read_bytes()[:100])
    with (
        pytest.raises(DatasetError, match="cannot be compared"),
        compared(folder / "old", folder / "new"),
    ):
        pass

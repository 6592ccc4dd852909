from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from midrib.datasets import SplitConfig, load_splits, read_dataset, save_splits, split_dataset
from midrib.errors import DatasetError

SHA = "ab" * 32


def test_saved_splits_come_back(classes: Callable[..., Path], tmp_path: Path) -> None:
    """What was saved is loaded, by content, and splits the same pictures the same way again."""
    dataset = read_dataset(classes(cat=8, dog=9))
    result = split_dataset(dataset, SplitConfig(seed=7))
    save_splits(result, tmp_path / "splits.csv")
    loaded = load_splits(tmp_path / "splits.csv")
    assert loaded == {item.sha256: item.split for item in result.items}
    assert split_dataset(dataset, SplitConfig(), previous=loaded) == result


def test_saved_beside_the_pictures_it_is_a_label_table(classes: Callable[..., Path]) -> None:
    """The file has path, label and split: it can be read as a dataset of its own."""
    root = classes(cat=4, dog=4)
    result = split_dataset(read_dataset(root), SplitConfig())
    save_splits(result, root / "labels.csv")
    again = read_dataset(root, strict=True)
    assert (again.version, again.counts()) == (result.version, result.counts())


def test_adding_pictures_on_disk_moves_none(classes: Callable[..., Path], tmp_path: Path) -> None:
    """New files beside old ones, split with the saved file, leave every old picture in place."""
    root = classes(cat=6, dog=6)
    first = split_dataset(read_dataset(root), SplitConfig())
    save_splits(first, tmp_path / "splits.csv")
    for path in classes("more", cat=20, dog=20).rglob("*.png"):
        path.rename(root / path.parent.name / f"new-{path.name}")
    second = split_dataset(
        read_dataset(root), SplitConfig(), previous=load_splits(tmp_path / "splits.csv")
    )
    assert len(second.items) == 52
    now = {item.sha256: item.split for item in second.items}
    assert {item.sha256: item.split for item in first.items}.items() <= now.items()


def test_an_unsplit_dataset_is_not_saved(classes: Callable[..., Path], tmp_path: Path) -> None:
    """Saving before splitting is refused and leaves no file."""
    dataset = read_dataset(classes(cat=3, dog=3))
    with pytest.raises(DatasetError, match=r"without a split \(6\)"):
        save_splits(dataset, tmp_path / "splits.csv")
    assert not (tmp_path / "splits.csv").exists()


def test_a_picture_outside_the_source_is_saved_by_its_whole_path(
    classes: Callable[..., Path], tmp_path: Path
) -> None:
    """A dataset whose source moved on still saves; contents are what counts."""
    dataset = split_dataset(read_dataset(classes(cat=3, dog=3)), SplitConfig())
    (tmp_path / "elsewhere").mkdir()
    save_splits(replace(dataset, source=tmp_path / "elsewhere"), tmp_path / "splits.csv")
    assert str(dataset.items[0].path) in (tmp_path / "splits.csv").read_text()


def test_a_leaked_picture_counts_as_learnt_from(tmp_path: Path) -> None:
    """Of several splits for one content, train wins: it must never judge."""
    table = tmp_path / "splits.csv"
    table.write_text(f"path,sha256,label,split\na,{SHA},x,test\nb,{SHA},x,train\nc,{SHA},x,test\n")
    assert load_splits(table) == {SHA: "train"}


@pytest.mark.parametrize("content", ["", "path,label,split\na.png,cat,train\n"])
def test_a_file_of_something_else_is_refused(content: str, tmp_path: Path) -> None:
    """Without the columns it would silently count for nothing."""
    table = tmp_path / "splits.csv"
    table.write_text(content)
    with pytest.raises(DatasetError, match="line 1"):
        load_splits(table)


@pytest.mark.parametrize(
    "line",
    [f"a.png,{SHA},cat,trian", f"a.png,{SHA[:-1]},cat,train", "a.png", f'"a.png,{SHA},cat,train'],
)
def test_a_malformed_line_is_named(line: str, tmp_path: Path) -> None:
    """A line that is no hash and split is refused with its place."""
    table = tmp_path / "splits.csv"
    table.write_text(f"path,sha256,label,split\nz.png,{SHA},cat,test\n{line}\n")
    with pytest.raises(DatasetError, match="line 3") as caught:
        load_splits(table)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file of splits that does not exist is refused with its path."""
    with pytest.raises(DatasetError, match=r"nowhere\.csv cannot be read"):
        load_splits(tmp_path / "nowhere.csv")

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from midrib.datasets import open_source, read_dataset
from midrib.errors import DatasetError
from midrib.settings import Settings

Classes = Draw = Callable[..., Path]


def refusal(source: Path, **options: bool) -> str:
    """The one line with which ``source`` is refused."""
    with pytest.raises(DatasetError) as caught:
        read_dataset(source, **options)
    assert "\n" not in str(caught.value)
    assert caught.value.todo
    return str(caught.value)


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    """A path that does not exist is refused with that path."""
    assert f"{tmp_path / 'nowhere'} does not exist" in refusal(tmp_path / "nowhere")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """An empty folder is told from a wrong one."""
    assert f"{tmp_path} is empty" in refusal(tmp_path)


def test_pictures_without_class_folders_are_refused(tmp_path: Path, draw: Draw) -> None:
    """Pictures directly in the folder have no label; the error shows how to sort them."""
    for name in ("a.png", "b.jpg"):
        draw(tmp_path / name)
    message = refusal(tmp_path)
    assert "holds pictures (2) but no class folders" in message
    assert f"{tmp_path.name}/cat" in message


def test_split_folders_without_classes_are_refused(tmp_path: Path, draw: Draw) -> None:
    """Pictures directly below train and test have no label either."""
    for split in ("train", "test"):
        draw(tmp_path / split / "a.png")
    assert "holds pictures (2) but no class folders" in refusal(tmp_path)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path, draw: Draw) -> None:
    """A single picture is no dataset."""
    assert "in no format that midrib knows" in refusal(draw(tmp_path / "a.png"))


def test_one_class_is_refused(classes: Classes) -> None:
    """There is nothing to tell apart with one class."""
    assert "one class only, 'cat'" in refusal(classes(cat=5))


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_with_too_few_pictures_is_refused(count: int, classes: Classes) -> None:
    """Each class needs three pictures, one for each split."""
    message = refusal(classes(cat=5, dog=count))
    assert "class 'dog'" in message
    assert f"too few usable pictures that differ ({count})" in message
    assert "at least 3" in message


def test_copies_do_not_count_as_pictures_of_a_class(classes: Classes) -> None:
    """Three copies of one picture cannot be in three splits."""
    root = classes(cat=5, dog=1)
    for number in (1, 2):
        shutil.copy(root / "dog" / "0.png", root / "dog" / f"{number}.png")
    assert "that differ (1)" in refusal(root)


def test_an_empty_class_folder_is_refused(classes: Classes) -> None:
    """A class without pictures would be a class that the model can never answer."""
    root = classes(cat=3, dog=3)
    (root / "mouse").mkdir()
    assert "class 'mouse'" in refusal(root)


def test_given_splits_need_every_class_in_train(tmp_path: Path, draw: Draw) -> None:
    """With given splits a class that only test has cannot be learnt."""
    for place in ("train/cat", "train/dog", "test/cat", "test/dog", "test/mouse"):
        draw(tmp_path / place / "a.png")
    assert "class 'mouse'" in refusal(tmp_path)
    shutil.move(tmp_path / "test" / "mouse", tmp_path / "train" / "mouse")
    assert len(read_dataset(tmp_path).items) == 5


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text(path: Path) -> None:
    path.write_text("these are words")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _strip(path: Path) -> None:
    Image.new("L", (5000, 1)).save(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "spoil", "kind"),
    [
        ("a.jpg", _truncated, "truncated"),
        ("a.png", _truncated, "truncated"),
        ("a.jpg", _text, "not a picture"),
        ("a.jpg", _empty, "not a picture"),
        ("a.png", _strip, "too large"),
        ("a.png", _pipe, "not a picture"),
    ],
)
def test_one_bad_file_among_good_ones_is_named_skipped_and_counted(
    name: str, spoil: Callable[[Path], None], kind: str, classes: Classes, draw: Draw
) -> None:
    """A bad file is left out and named; strict reading refuses and names it."""
    root = classes(cat=3, dog=3)
    path = draw(root / "cat" / name, size=(200, 160))
    spoil(path)
    dataset = read_dataset(root)
    assert len(dataset.items) == 6
    assert [(problem.path, problem.kind) for problem in dataset.problems] == [(path, kind)]
    assert dataset.problems[0].reason
    message = refusal(root, strict=True)
    assert "cannot be used (1)" in message
    assert f"{name} ({kind}" in message


def test_strict_names_the_first_and_counts_all(classes: Classes) -> None:
    """Many bad files make one line that names the first three."""
    root = classes(cat=3, dog=3)
    for number in range(5):
        _text(root / "dog" / f"bad{number}.jpg")
    message = refusal(root, strict=True)
    assert "cannot be used (5): bad0.jpg" in message
    assert "bad2.jpg" in message
    assert "bad3.jpg" not in message


def test_only_bad_files_are_refused_with_the_reason(classes: Classes) -> None:
    """Where no picture can be used, the error says what was wrong with the first ones."""
    root = classes(cat=3, dog=3)
    for path in root.rglob("*.png"):
        _text(path)
    message = refusal(root)
    assert "no picture that can be used" in message
    assert "not a picture" in message


def test_pictures_beside_class_folders_are_problems(classes: Classes, draw: Draw) -> None:
    """A picture without a class among class folders is left out and named; a text file is not."""
    root = classes(cat=3, dog=3)
    draw(root / "loose.png")
    _text(root / "README.txt")
    assert [problem.path.name for problem in read_dataset(root).problems] == ["loose.png"]


def test_names_that_are_no_text_are_problems(classes: Classes) -> None:
    """A name that is not valid UTF-8 is left out and named, not passed on to fail later."""
    root = classes(cat=4, dog=3)
    (root / "cat" / "0.png").rename(root / "cat" / os.fsdecode(b"\xff.png"))
    (root / os.fsdecode(b"\xfe")).mkdir()
    dataset = read_dataset(root)
    assert [problem.kind for problem in dataset.problems] == ["bad name", "bad name"]
    assert dataset.labels == ("cat", "dog")


@pytest.mark.parametrize("text", ["", '{"images": 7, "anno', "<html>", '{"info'])
@pytest.mark.parametrize("name", ["instances_train.json", "annotations.xml"])
def test_a_broken_table_is_told(name: str, text: str, classes: Classes, tmp_path: Path) -> None:
    """A file that no format knows itself in is told beside class folders, and where it is all."""
    root = classes(cat=3, dog=3)
    (root / name).write_text(text)
    (root / "notes.json").write_text('{"who": "me", "accuracy": NaN}')
    problems = read_dataset(root, needs="nothing").problems
    assert (root / name, "broken file") in {(each.path, each.kind) for each in problems}
    assert "notes.json" not in {each.path.name for each in problems}
    told = refusal(root / name)
    assert name in told
    assert "not valid" in told
    alone = tmp_path / "alone"
    alone.mkdir()
    (root / name).rename(alone / name)
    assert name in refusal(alone)


def test_class_folders_that_cannot_be_shown_are_left_out(classes: Classes) -> None:
    """No class is called by control characters: a model would carry the name everywhere."""
    root = classes(cat=3, dog=3)
    (root / "dog").rename(root / "do\x1b[2Jg\n")
    dataset = read_dataset(root, needs="pictures")
    assert dataset.labels == ("cat",)
    assert [problem.kind for problem in dataset.problems] == ["bad name"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_pipes_are_not_waited_for(classes: Classes, tmp_path: Path) -> None:
    """A pipe in place of a picture is told; nobody waits for what one may give."""
    root = classes(cat=3, dog=3)
    for name in ("cat/pipe.png", "loose.png", "instances.json", "cat.xml"):
        os.mkfifo(root / name)
    assert [each.path.name for each in read_dataset(root).problems] == ["pipe.png"]
    yolo = tmp_path / "yolo"
    for folder in ("images", "labels"):
        (yolo / folder).mkdir(parents=True)
    (yolo / "data.yaml").write_text("names: [Baum]\ntrain: images\n")
    Image.new("L", (9, 9)).save(yolo / "images" / "a.png")
    os.mkfifo(yolo / "labels" / "a.txt")
    os.mkfifo(yolo / "images" / "b.png")
    found = read_dataset(yolo, needs="nothing").problems
    assert {each.path.name for each in found} == {"a.txt", "b.png"}
    for name in ("pipe.csv", "pipe.zip"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(DatasetError, match="neither a folder nor a file"):
            open_source(tmp_path / name, Settings(home=tmp_path / "home"))

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from midrib.datasets import check_dataset, read_dataset

Classes = Draw = Callable[..., Path]


def test_a_healthy_dataset_has_no_warnings(classes: Classes) -> None:
    """Good pictures are described and nothing is warned of."""
    report = check_dataset(read_dataset(classes(cat=3, dog=4)))
    assert report.warnings == []
    assert report.counts == {"unsplit": {"cat": 3, "dog": 4}}
    assert report.lines()[-2:] == [
        "formats: PNG 7; channels: RGB 7",
        f"width 24; height 16 pixels; {report.bytes} bytes a file",
    ]


def test_formats_channels_and_sizes_are_counted(classes: Classes, draw: Draw) -> None:
    """Formats and channels are counted, sizes given as least, median and greatest."""
    root = classes(cat=3, dog=3)
    draw(root / "cat" / "wide.jpg", size=(400, 100), mode="L")
    report = check_dataset(read_dataset(root))
    assert report.formats == {"PNG": 6, "JPEG": 1}
    assert report.modes == {"RGB": 6, "L": 1}
    assert report.width.as_record() == {"min": 24, "median": 24, "max": 400}
    assert report.height.as_record() == {"min": 16, "median": 16, "max": 100}
    assert "width 24 to 400, median 24" in "\n".join(report.lines())


def test_problems_are_counted_by_kind(classes: Classes) -> None:
    """What reading left out is warned of by kind and name."""
    root = classes(cat=3, dog=3)
    (root / "cat" / "a.jpg").write_text("words")
    (root / "cat" / "b.jpg").write_text("words")
    report = check_dataset(read_dataset(root))
    assert report.warnings == ["files left out (not a picture 2): a.jpg, b.jpg"]


def test_copies_and_label_conflicts_are_found(classes: Classes) -> None:
    """Copies in one class are copies; copies in two classes contradict each other as well."""
    root = classes(cat=3, dog=3)
    shutil.copy(root / "cat" / "0.png", root / "cat" / "again.png")
    shutil.copy(root / "dog" / "1.png", root / "cat" / "or-dog.png")
    report = check_dataset(read_dataset(root))
    names = [{item.path.name for item in group} for group in report.copies]
    assert names == [{"0.png", "again.png"}, {"or-dog.png", "1.png"}]
    assert report.conflicts == report.copies[1:]
    assert report.leaks == ()
    assert [line.split(" (")[0] for line in report.warnings] == [
        "copies under several labels",
        "exact copies",
    ]


def test_copies_across_given_splits_are_leaks(tmp_path: Path, draw: Draw) -> None:
    """A test picture that training has seen is the first warning."""
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            draw(tmp_path / split / label / "a.png")
    shutil.copy(tmp_path / "train/cat/a.png", tmp_path / "test/cat/seen.png")
    report = check_dataset(read_dataset(tmp_path))
    assert [{item.split for item in group} for group in report.leaks] == [{"train", "test"}]
    assert report.warnings[0].startswith("copies in several splits")


def test_imbalance_and_empty_splits_are_warned_of(tmp_path: Path, draw: Draw) -> None:
    """A class that is ten times another, or absent from a split, is worth a look."""
    for number in range(20):
        draw(tmp_path / "train" / "cat" / f"{number}.png")
    draw(tmp_path / "train" / "dog" / "0.png")
    draw(tmp_path / "test" / "cat" / "0.png")
    report = check_dataset(read_dataset(tmp_path))
    assert report.imbalance == 21
    assert report.warnings == [
        "test has no picture of dog",
        "the largest class has 21 times the pictures of the smallest",
    ]


def test_the_record_is_json(classes: Classes) -> None:
    """The whole report can be written as JSON, copies as groups of paths."""
    root = classes(cat=3, dog=3)
    shutil.copy(root / "cat" / "0.png", root / "cat" / "again.png")
    record = json.loads(json.dumps(check_dataset(read_dataset(root)).as_record()))
    assert record["copies"] == [[str(root / "cat/0.png"), str(root / "cat/again.png")]]
    assert record["warnings"] == ["exact copies (groups: 1): 0.png = again.png"]
    assert {"source", "version", "counts", "formats", "leaks", "imbalance"} <= record.keys()

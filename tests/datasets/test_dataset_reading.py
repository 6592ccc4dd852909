from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from midrib.datasets import Item, read_dataset
from midrib.datasets.formats import DATASET_FORMATS

Classes = Draw = Callable[..., Path]


def test_class_folders_give_labels_hashes_and_headers(classes: Classes) -> None:
    """A folder of class folders becomes items that know their label, content and header."""
    root = classes(cat=3, dog=4)
    dataset = read_dataset(root)
    assert dataset.labels == ("cat", "dog")
    assert dataset.counts() == {"unsplit": {"cat": 3, "dog": 4}}
    first = dataset.items[0]
    content = (root / "cat" / "0.png").read_bytes()
    assert first.measures is not None
    assert replace(first, measures=None) == Item(
        path=root / "cat" / "0.png",
        labels=("cat",),
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        split=None,
        width=24,
        height=16,
        mode="RGB",
        format="PNG",
    )


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "VAL"])
def test_folders_that_name_splits_give_them(validation: str, tmp_path: Path, draw: Draw) -> None:
    """Class folders below train, validation and test keep those splits."""
    for split in ("train", validation, "test"):
        for label in ("cat", "dog"):
            draw(tmp_path / split / label / "a.png")
    one_each = {"cat": 1, "dog": 1}
    assert read_dataset(tmp_path).counts() == {
        "train": one_each,
        "validation": one_each,
        "test": one_each,
    }


def test_a_class_may_be_called_like_a_split(classes: Classes) -> None:
    """A folder 'train' beside 'bus' is a means of transport."""
    assert read_dataset(classes(train=3, bus=3)).labels == ("bus", "train")


def test_pictures_lie_at_any_depth_and_under_names_in_any_script(
    tmp_path: Path, draw: Draw
) -> None:
    """Folders in a class folder are searched, and names need no Latin letters."""
    for label in ("Äpfel", "梨"):
        for name in ("один.png", "zwei drei.png", "2024/مايو/x.png"):
            draw(tmp_path / label / name)
    dataset = read_dataset(tmp_path)
    assert dataset.labels == ("Äpfel", "梨")
    assert len(dataset.items) == 6


def test_one_label_typed_in_two_unicode_forms_is_one_class(tmp_path: Path, draw: Draw) -> None:
    """A composed and a decomposed umlaut name the same class, as they look the same."""
    for split, label in (("train", "\u00c4pfel"), ("test", "A\u0308pfel")):
        draw(tmp_path / split / label / "a.png")
        draw(tmp_path / split / "pear" / "a.png")
    assert read_dataset(tmp_path).labels == ("pear", "\u00c4pfel")


def test_hidden_files_and_what_file_managers_leave_are_ignored(classes: Classes) -> None:
    """Files and folders that start with a dot, and Thumbs.db, are no problem and no picture."""
    root = classes(cat=3, dog=3)
    for name in (".DS_Store", "cat/.hidden.png", "cat/Thumbs.db", ".git/x/a.png", "cat/.c/a.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not a picture")
    dataset = read_dataset(root, strict=True)
    assert len(dataset.items) == 6


@pytest.mark.parametrize(
    ("name", "options", "format_name"),
    [
        ("a.jpg", {}, "JPEG"),
        ("a.webp", {}, "WEBP"),
        ("a.bmp", {}, "BMP"),
        ("a.tiff", {"mode": "L"}, "TIFF"),
        ("a.PNG", {"mode": "RGBA"}, "PNG"),
        ("no-suffix", {"format": "PNG"}, "PNG"),
    ],
)
def test_every_format_is_read(
    name: str, options: dict[str, str], format_name: str, classes: Classes, draw: Draw
) -> None:
    """Pictures are known by their content, with their own format and channels."""
    root = classes(cat=3, dog=3)
    path = draw(root / "cat" / name, **options)
    item = next(item for item in read_dataset(root, strict=True).items if item.path == path)
    assert (item.format, item.mode) == (format_name, options.get("mode", "RGB"))


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_sizes_are_those_of_the_upright_picture(name: str, classes: Classes, draw: Draw) -> None:
    """A picture that EXIF turns by a quarter has its width and height exchanged."""
    root = classes(cat=3, dog=3)
    turned_right = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    path = draw(root / "cat" / name, size=(400, 300), exif=turned_right)
    item = next(item for item in read_dataset(root).items if item.path == path)
    assert (item.width, item.height) == (300, 400)


def test_links_inside_the_folder_count_and_links_out_of_it_do_not(
    classes: Classes, tmp_path: Path, draw: Draw
) -> None:
    """A link to a file is followed while it stays in the folder; others are named as problems."""
    root = classes(cat=3, dog=3)
    (root / "cat" / "inner.png").symlink_to(root / "dog" / "0.png")
    (root / "cat" / "outer.png").symlink_to(draw(tmp_path / "elsewhere" / "a.png"))
    (root / "cat" / "folder").symlink_to(root / "dog")
    (root / "mouse").symlink_to(tmp_path / "elsewhere")
    (root / "cat" / "circle.png").symlink_to(root / "cat" / "circle.png")
    dataset = read_dataset(root)
    assert len(dataset.items) == 7
    assert dataset.labels == ("cat", "dog")
    problems = {(problem.path.name, problem.kind) for problem in dataset.problems}
    assert problems == {
        ("outer.png", "outside"),
        ("folder", "outside"),
        ("mouse", "outside"),
        ("circle.png", "unreadable"),
    }


def test_the_source_itself_may_be_a_link(classes: Classes, tmp_path: Path) -> None:
    """A link that the user names is followed: it was meant."""
    root = classes(cat=3, dog=3)
    (tmp_path / "link").symlink_to(root)
    assert read_dataset(tmp_path / "link").source == root


def test_version_follows_content_and_not_names(classes: Classes, tmp_path: Path) -> None:
    """Renaming and moving pictures keeps the version; changing, adding or relabelling does not."""
    root = classes(cat=3, dog=3)
    version = read_dataset(root).version
    (root / "cat" / "0.png").rename(root / "cat" / "zz.png")
    moved = Path(shutil.move(root, tmp_path / "moved"))
    assert read_dataset(moved).version == version
    shutil.copy(moved / "cat" / "1.png", moved / "dog" / "copy.png")
    added = read_dataset(moved).version
    (moved / "dog" / "copy.png").rename(moved / "cat" / "copy.png")
    assert len({version, added, read_dataset(moved).version}) == 3


def test_progress_tells_every_picture(classes: Classes) -> None:
    """Progress counts up to the number of pictures, good or not."""
    root = classes(cat=3, dog=3)
    (root / "cat" / "bad.jpg").write_bytes(b"text")
    seen: list[tuple[int, int]] = []
    read_dataset(root, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 7) for done in range(1, 8)]


def test_interrupting_the_progress_stops_the_threads(classes: Classes) -> None:
    """Ctrl-C while reading ends it and leaves no thread behind."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt(done, total)

    with pytest.raises(KeyboardInterrupt):
        read_dataset(classes(cat=20, dog=20), progress=interrupt)
    assert not [t for t in threading.enumerate() if t.name.startswith("midrib-inspect")]


def test_formats_are_registered_by_name() -> None:
    """The built-in formats stand behind the same door as others' would."""
    assert {"class-folders", "coco", "split-folders", "voc", "yolo"} <= set(DATASET_FORMATS)


def test_records_are_ready_for_json_and_terminal(classes: Classes) -> None:
    """A dataset tells its counts by split and label, and what was left out."""
    root = classes(cat=3, dog=4)
    (root / "dog" / "bad.jpg").write_bytes(b"text")
    dataset = read_dataset(root)
    record = dataset.as_record()
    assert record["pictures"] == 7
    assert record["version"] == dataset.version
    assert [problem["kind"] for problem in record["problems"]] == ["not a picture"]
    assert dataset.lines() == [
        f"7 pictures, 2 classes in {root}",
        "read as class-folders",
        "unsplit: 7 (cat 3, dog 4)",
        "files left out: 1",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read_are_problems(classes: Classes) -> None:
    """A file without permission to read it is left out and named."""
    root = classes(cat=4, dog=3)
    (root / "cat" / "0.png").chmod(0)
    assert [problem.kind for problem in read_dataset(root).problems] == ["unreadable"]


_ONE_CELL = """<annotation><filename>0.png</filename><object><name>cell</name>
<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into everything")
@pytest.mark.parametrize("form", ["class-folders", "voc"])
def test_folders_that_may_not_be_looked_into_are_problems(classes: Classes, form: str) -> None:
    """A closed folder is named, whatever the format, since nobody knows what lies in it."""
    root = classes(cat=4, dog=3)
    if form == "voc":
        root = root / "cat"
        for picture in sorted(root.glob("*.png")):
            picture.with_suffix(".xml").write_text(_ONE_CELL.replace("0.png", picture.name))
    closed = root / "closed" if form == "voc" else root / "dog" / "closed"
    closed.mkdir(mode=0)
    dataset = read_dataset(root, needs="pictures")
    assert dataset.format == form
    assert [(each.path.name, each.kind) for each in dataset.problems] == [("closed", "unreadable")]

"""Annotations that cannot be meant are told with their place, and the rest is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midrib.datasets import read_dataset
from midrib.datasets.formats import DATASET_FORMATS, Listing
from midrib.datasets.formats.interface import detect_format
from midrib.datasets.formats.json_streams import _Nesting
from midrib.datasets.formats.seen_ids import SeenIds
from midrib.datasets.masks import area_of
from midrib.errors import DatasetError

Draw = Callable[..., Path]

GOOD: dict[str, Any] = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}


def listing(name: str, source: Path) -> Listing:
    """What the format tells of ``source``."""
    return DATASET_FORMATS.get(name)().list_pictures(source)


def reasons(found: Listing) -> list[str]:
    """Kind and reason of each problem."""
    return [f"{problem.kind}: {problem.reason}" for problem in found.problems]


@pytest.fixture
def coco(tmp_path: Path, draw: Draw) -> Callable[..., Path]:
    """Write a COCO file of one 24 × 16 picture, one good and one more annotation."""

    def make(more: dict[str, Any] | None = None, **parts: Any) -> Path:
        draw(tmp_path / "a.png")
        record = {
            "images": [{"id": 1, "file_name": "a.png", "width": 24, "height": 16}],
            "categories": [{"id": 1, "name": "Baum"}],
            "annotations": [GOOD] + ([{**GOOD, "id": 2, **more}] if more else []),
            **parts,
        }
        (tmp_path / "all.json").write_text(json.dumps(record))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"bbox": [1, 2, -3, 4]}, "bad box: annotations[1]: the box: its width is -3"),
        ({"bbox": [1, 2, 0, 4]}, "bad box"),
        ({"bbox": [1, float("nan"), 3, 4]}, "not a number: annotations[1]: bbox[1] is 'NaN'"),
        ({"bbox": [1, 2, float("inf"), 4]}, "not a number"),
        ({"bbox": [1, 2, 3]}, "bbox has 3 numbers, not 4"),
        ({"bbox": "1 2 3 4"}, "not a list of numbers"),
        ({"bbox": None}, "not a list of numbers"),
        ({"bbox": [20, 2, 9, 4]}, "beyond the picture: annotations[1]: (20, 2, 29, 6)"),
        ({"category_id": 7}, "unknown class: annotations[1]: category_id 7 is not in the file"),
        ({"image_id": 7}, "no picture: annotations[1]: image_id 7 is not in the file"),
        ({"image_id": None}, "no record: annotations[1]: its 'image_id' is None"),
        ({"id": 1}, "duplicate id: annotations[1]: id 1 has come before"),
        ({"segmentation": [[1, 1, 2, 2]]}, "bad outline"),
        ({"segmentation": {"size": [16, 24], "counts": "zz~"}}, "bad mask"),
        ({"segmentation": {"size": [16, 24], "counts": [1, 2]}}, "cover 3 pixels of 384"),
        ({"segmentation": {"size": [9**9, 9**9], "counts": [1]}}, "bad mask"),
        ({"segmentation": {"size": [8, 8], "counts": [0, 64]}}, "the mask has 8 × 8 pixels"),
    ],
)
def test_coco_tells_each_bad_annotation_by_its_record(
    coco: Callable[..., Path], more: dict[str, Any], told: str
) -> None:
    """The good annotation is read, the bad one is told, and strict reading refuses both."""
    source = coco(more)
    found = listing("coco", source)
    assert [each.xyxy for each in found.entries[0].annotations] == [(1, 2, 4, 6)]
    assert [told in reason for reason in reasons(found)] == [True], reasons(found)
    with pytest.raises(DatasetError, match="strict"):
        read_dataset(source, strict=True)


def test_coco_is_read_with_a_byte_order_mark(coco: Callable[..., Path]) -> None:
    """What editors on Windows write before the text neither hides the format nor breaks it."""
    table = coco() / "all.json"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert detect_format(table.parent) == "coco"
    found = listing("coco", table.parent)
    assert reasons(found) == []
    assert [len(entry.annotations) for entry in found.entries] == [1]


def test_coco_ids_of_two_things_stand_for_none(coco: Callable[..., Path]) -> None:
    """Pictures of one id are left out, as is a category id of two names."""
    image = {"id": 1, "file_name": "a.png"}
    found = listing("coco", coco(images=[image, image]))
    assert len(found.entries) == 0
    assert [reason.partition(":")[0] for reason in reasons(found)] == ["duplicate id"] * 2
    names = [{"id": 1, "name": "Baum"}, {"id": 1, "name": "木"}]
    told = reasons(listing("coco", coco(categories=names)))
    assert told[0] == "duplicate id: categories[1]: id 1 is both 'Baum' and '木'"
    assert "unknown class" in told[1]


def test_coco_file_that_breaks_off_is_left_out(coco: Callable[..., Path]) -> None:
    """Half a file is not believed, and the reader is told."""
    table = coco() / "all.json"
    table.write_text(table.read_text()[:-30])
    found = listing("coco", table)
    assert len(found.entries) == 0
    assert reasons(found)[0].startswith("broken file: not valid JSON")


def test_a_name_that_differs_by_case_is_told_not_guessed(coco: Callable[..., Path]) -> None:
    """A picture under another case is missing, and the reader sees which one is there."""
    found = listing("coco", coco(images=[{"id": 1, "file_name": "A.PNG"}]))
    assert "'A.PNG' is not there, but 'a.png' is" in reasons(found)[0]


def test_pictures_outside_are_refused(coco: Callable[..., Path], draw: Draw) -> None:
    """Neither '..' nor a link leads out of the source."""
    source = coco(images=[{"id": 1, "file_name": "../../etc/passwd"}])
    assert reasons(listing("coco", source))[0].startswith("outside")
    draw(source.parent / "elsewhere.png")
    (source / "link.png").symlink_to(source.parent / "elsewhere.png")
    found = listing("coco", coco(images=[{"id": 1, "file_name": "link.png"}]))
    assert "leaves the folder" in reasons(found)[0]


def test_annotations_of_the_stored_orientation_are_told(tmp_path: Path) -> None:
    """A picture that EXIF turns, annotated as it is stored, is left out with both sizes."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 16)).save(tmp_path / "a.jpg", exif=exif)
    image = {"id": 1, "file_name": "a.jpg", "width": 24, "height": 16}
    upright = {**image, "width": 16, "height": 24}
    record = {"categories": [{"id": 1, "name": "Baum"}], "annotations": [GOOD]}
    (tmp_path / "all.json").write_text(json.dumps({**record, "images": [image]}))
    with pytest.raises(DatasetError, match="24 × 16"):
        read_dataset(tmp_path)
    (tmp_path / "all.json").write_text(json.dumps({**record, "images": [upright]}))
    assert len(read_dataset(tmp_path).items) == 1


def test_voc_tells_lines_and_refuses_bombs(tmp_path: Path, draw: Draw) -> None:
    """An object is told by its line; a file that declares entities is left out."""
    for name in ("a", "b", "c"):
        draw(tmp_path / f"{name}.png")
    box = "<bndbox><xmin>5</xmin><ymin>2</ymin><xmax>1</xmax><ymax>9</ymax></bndbox>"
    text = f"<annotation><filename>a.png</filename>\n<object><name>x</name>{box}</object>\n"
    (tmp_path / "a.xml").write_text(text + "</annotation>")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>'
    (tmp_path / "b.xml").write_text(bomb)
    found = listing("voc", tmp_path)
    assert [entry.path.name for entry in found.entries] == ["a.png"]
    assert [(problem.path.name, problem.kind) for problem in found.problems] == [
        ("a.xml", "bad box"),
        ("b.xml", "broken file"),
        ("c.png", "no annotation"),
    ]
    assert reasons(found)[0] == "bad box: line 2: the box: its width is -4 and its height 7"


def test_yolo_tells_lines(tmp_path: Path, draw: Draw) -> None:
    """Lines that are neither box nor outline of a known class are told; the others are read."""
    draw(tmp_path / "images" / "a.png", size=(20, 10))
    (tmp_path / "data.yaml").write_text("train: images\nnames: [木]\n")
    (tmp_path / "labels").mkdir()
    lines = [
        "0 .5 .5 .5 .5",
        "1 .5 .5 .5 .5",
        "0 .5 .5 -1 .5",
        "0 1 1 1",
        "0 nan 0 0 0",
        "0 9 9 1 1",
    ]
    (tmp_path / "labels" / "a.txt").write_text("\n".join(lines))
    (tmp_path / "labels" / "gone.txt").write_text("")
    found = listing("yolo", tmp_path)
    assert [each.xyxy for each in found.entries[0].annotations] == [(5, 2.5, 15, 7.5)]
    assert [reason.split(":")[:2] for reason in reasons(found)] == [
        ["unknown class", " line 2"],
        ["bad box", " line 3"],
        ["not a number", " line 4"],
        ["not a number", " line 5"],
        ["beyond the picture", " line 6"],
        ["missing", " no picture is called like it"],
    ]


def test_masks_tell_unknown_values(tmp_path: Path, draw: Draw) -> None:
    """A value that no class has is told with its pixels, 255 by custom not; both are void."""
    for name in ("a", "b"):
        draw(tmp_path / "images" / f"{name}.png", size=(4, 2))
    (tmp_path / "masks").mkdir()
    (tmp_path / "classes.csv").write_text("value,label\n0,background\n1,梨\n")
    mask = Image.new("L", (4, 2), 1)
    mask.putpixel((0, 0), 255)
    mask.putpixel((2, 1), 9)
    mask.save(tmp_path / "masks" / "a.png")
    Image.new("RGB", (4, 2)).save(tmp_path / "masks" / "b.png")
    found = listing("masks", tmp_path)
    [[pears, void]] = [entry.annotations for entry in found.entries]
    assert (pears.label, void.is_void, void.xyxy) == ("梨", True, (0, 0, 3, 2))
    assert void.mask is not None
    assert area_of(void.mask) == 2
    assert found.labels == {"background", "梨"}
    assert "unknown class: value 9 (1 pixels)" in reasons(found)[0]
    assert "colours" in reasons(found)[1]


@given(st.lists(st.integers(-3, 40) | st.sampled_from(["1", "a", 1 << 28, (1 << 28) - 1, 1 << 70])))
def test_ids_are_known_again(keys: list[int | str]) -> None:
    """Whatever ids are, each is new once, as in a set."""
    seen, known = SeenIds(), set[int | str]()
    for key in keys:
        assert seen.add(key) == (key not in known)
        known.add(key)


@given(st.text('[{]}\\\\"ab', max_size=200), st.integers(1, 7))
def test_nesting_is_counted_in_pieces_as_in_one(text: str, size: int) -> None:
    """Wherever a file is cut for reading, inside escapes too, brackets in strings do not count."""
    data, nesting = text.encode(), _Nesting()
    depth, outside, escaped = 0, True, False
    for place in range(0, len(data), size):
        nesting.add(data[place : place + size])
    for letter in text:
        if escaped and letter in '\\"':
            escaped = False
            continue
        escaped = letter == "\\"
        if escaped:
            continue
        if letter == '"':
            outside = not outside
        elif outside and letter in "[{]}":
            depth += 1 if letter in "[{" else -1
    assert nesting._depth == depth


def test_instance_masks_tell_what_their_table_does_not_fit(tmp_path: Path, draw: Draw) -> None:
    """Objects without a class, classes without an object and numbers told twice are told."""
    draw(tmp_path / "images" / "a.png", size=(4, 2))
    (tmp_path / "instances").mkdir()
    mask = Image.new("L", (4, 2), 0)
    for number in (1, 2):
        mask.putpixel((number, 0), number)
    mask.save(tmp_path / "instances" / "a.png")
    rows = [
        "path,number,label",
        *(f"instances/a.png,{row}" for row in ("1,梨", "1,木", "7,木", "x,木")),
    ]
    (tmp_path / "instances.csv").write_text("\n".join(rows))
    found = listing("instance-masks", tmp_path)
    assert [[each.label for each in entry.annotations] for entry in found.entries] == [["梨"]]
    assert reasons(found) == [
        "duplicate id: line 3: number 1 of instances/a.png has come before",
        "not a number: line 5: number is 'x'",
        "unknown class: object 2 is not in instances.csv",
        "bad mask: object 7 of instances.csv has no pixel",
    ]

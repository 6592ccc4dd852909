"""Whatever format tells it: an object that cannot be meant is told with its file and line."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from annotated_sources import GOOD, GOOD_XYXY, SOURCES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from midrib.datasets import read_dataset
from midrib.datasets.formats import DATASET_FORMATS, Listing, detect_format
from midrib.datasets.inspection import inspect_pictures
from midrib.errors import DatasetError

Box = tuple[str, str, str, str]
XML = ("cvat", "voc")
JSON = ("coco", "imagefolder", "jsonl", "labelme")
BOMBS = {
    "entities": '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
    "a file": '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
}
BAD: dict[str, tuple[Box, str, str]] = {
    "negative width": (("9", "2", "-3", "4"), "Baum", "bad box"),
    "no height": (("1", "2", "3", "0"), "Baum", "bad box"),
    "NaN": (("1", "NaN", "3", "4"), "Baum", "not a number"),
    "infinite": (("1", "2", "Infinity", "4"), "Baum", "not a number"),
    "overflow": (("1", "2", "1e999", "4"), "Baum", "not a number"),
    "a word": (("1", "2", "wide", "4"), "Baum", "not a number"),
    "an underscore": (("1", "2", "1_0", "4"), "Baum", "not a number"),
    "beyond": (("20", "2", "9", "4"), "Baum", "beyond the picture"),
    "far beyond": (("1", "2", "1e300", "4"), "Baum", "beyond the picture"),
    "unknown class": (GOOD, "Strauch", "unknown class"),
    "no class": (GOOD, "", "unknown class"),
}
OTHERWISE = {
    ("negative width", "labelme"): None,  # two corners in any order
    ("unknown class", "csv"): None,  # a class is whatever is named
    ("unknown class", "cvat"): None,
    ("unknown class", "imagefolder"): None,
    ("unknown class", "jsonl"): None,
    ("unknown class", "labelme"): None,
    ("unknown class", "voc"): None,
    ("no class", "coco"): "no record",
    ("no class", "csv"): "bad row",
    ("no class", "yolo"): "not a number",  # its class is then the first coordinate
}
"""Where a format tells it by another kind; None where it can be meant."""


def listing(name: str, source: Path) -> Listing:
    """What the format tells of ``source``."""
    return DATASET_FORMATS.get(name)().list_pictures(source)


def told(found: Listing) -> list[tuple[str, str]]:
    """Name of the file and kind of each problem."""
    return [(problem.path.name, problem.kind) for problem in found.problems]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("fault", BAD)
def test_a_bad_object_is_told_by_its_place(name: str, fault: str, tmp_path: Path) -> None:
    """The good object is read; the bad one is told with its line, or refused by strict reading."""
    box, label, kind = BAD[fault]
    expected = OTHERWISE.get((fault, name), kind)
    source = SOURCES[name](tmp_path / "data", box, label)
    assert detect_format(source.root) == name
    found = listing(name, source.root)
    [entry] = found.entries
    if expected is None:
        assert (len(entry.annotations), found.problems) == (2, ())
        return
    assert [each.xyxy for each in entry.annotations] == [GOOD_XYXY]
    [problem] = found.problems
    assert (problem.path, problem.kind) == (source.table, expected)
    assert problem.reason.startswith(f"{source.place}: ")
    with pytest.raises(DatasetError, match="strict") as refused:
        read_dataset(source.root, strict=True)
    assert source.place in str(refused.value)


@pytest.mark.parametrize("name", SOURCES)
def test_a_missing_picture_is_told(name: str, tmp_path: Path) -> None:
    """What is said of a picture that is not there is told; another is not taken for it."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    picture = next(source.root.rglob("a.png"))
    picture.rename(picture.with_name("b.png"))
    try:
        found = listing(name, source.root)
    except DatasetError as refused:
        assert "a.png" in str(refused)  # noqa: PT017 - a table of missing pictures only
    else:
        assert all(not entry.annotations for entry in found.entries)
        assert "missing" in {problem.kind for problem in found.problems}


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"yolo"}))
@pytest.mark.parametrize("clash", ["case", "form"])
def test_a_clashing_name_is_told_not_guessed(name: str, clash: str, tmp_path: Path) -> None:
    """A picture whose name differs by case or Unicode form is another one; it is named."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    written = "A.PNG" if clash == "case" else unicodedata.normalize("NFC", "é.png")
    there = "a.png" if clash == "case" else unicodedata.normalize("NFD", "é.png")
    (source.root / "a.png").rename(source.root / there)
    Image.new("RGB", (24, 16)).save(source.root / "other.png")
    text = source.table.read_text().replace("a.png", written)
    if name in {"csv", "jsonl"}:  # one picture at least has to be there
        last = "other.png,Baum,,,,\n" if name == "csv" else '{"path": "other.png", "objects": []}\n'
        text += last
    source.table.write_text(text)
    found = listing(name, source.root)
    assert there not in {entry.path.name for entry in found.entries}
    reasons = [each.reason for each in found.problems if each.kind == "missing"]
    assert len(reasons) == 1
    why = "by case" if clash == "case" else "in its Unicode form"
    assert f"but '{there}' is, whose name differs {why}" in reasons[0]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("script", ["Größe-1 ß", "梨の木", "שלום", "ἵππος 🐎", "a'b & <c>"])
def test_names_of_any_script_are_read(name: str, script: str, tmp_path: Path) -> None:
    """Pictures and classes may be called as people call them."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    picture = next(source.root.rglob("a.png"))
    picture.rename(picture.with_name(f"{script}.png"))
    if name == "yolo":
        source.table.rename(source.table.with_name(f"{script}.txt"))
        (source.root / "data.yaml").write_text(
            f"names: [{json.dumps(script, ensure_ascii=False)}]\ntrain: images\n"
        )
    else:
        written = _escaped(script) if name in XML else script
        text = source.table.read_text().replace("a.png", f"{written}.png")
        source.table.write_text(text.replace("Baum", written), encoding="utf-8")
    found = listing(name, source.root)
    assert found.problems == ()
    [entry] = found.entries
    assert entry.path.name == f"{script}.png"
    assert {each.label for each in entry.annotations} == {unicodedata.normalize("NFC", script)}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize("name", SOURCES)
def test_a_truncated_file_is_told(name: str, tmp_path: Path) -> None:
    """Half a table is told; no object beyond those that stand whole in it is made up."""
    source = SOURCES[name](tmp_path / "data", ("5", "5", "9", "9"), "Baum")
    whole = source.table.read_bytes()
    source.table.write_bytes(whole[: len(whole) - 12])
    found = listing(name, source.root)
    assert (source.table.name in {path for path, _ in told(found)}) or name == "csv"
    objects = [each.xyxy for entry in found.entries for each in entry.annotations]
    assert objects in ([], [GOOD_XYXY])


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize("bomb", BOMBS)
def test_xml_that_declares_entities_is_left_out(name: str, bomb: str, tmp_path: Path) -> None:
    """Nothing is expanded, opened or fetched: the file is told and left out as a whole."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    text = source.table.read_text()
    source.table.write_text(BOMBS[bomb] + text.replace("Baum", "Baum&b;"))
    found = listing(name, source.root)
    assert len(found.entries) == 0
    assert (source.table.name, "broken file") in told(found)
    assert "expand without end" in found.problems[0].reason


@pytest.mark.parametrize("name", XML)
def test_deep_xml_is_harmless(name: str, tmp_path: Path) -> None:
    """Elements nested a hundred thousand deep neither crash nor hide what stands beside them."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    head, end = source.table.read_text().rsplit("</", 1)
    depth = 100_000
    source.table.write_text(f"{head}{'<a>' * depth}{'</a>' * depth}</{end}")
    found = listing(name, source.root)
    objects = [each for entry in found.entries for each in entry.annotations]
    assert len(objects) == 2 or (source.table.name, "broken file") in told(found)


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize(
    "given", ["[" * 100_000, '"text"', "7", "{}", "null"], ids=["deep", "text", "7", "{}", "null"]
)
def test_objects_of_a_wrong_type_are_told(name: str, given: str, tmp_path: Path) -> None:
    """Where a list of objects should stand and something else does, that is told."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    text = source.table.read_text()
    key = {"coco": '"annotations": ', "labelme": '"shapes": '}.get(name, '"objects": ')
    head = text[: text.index(key) + len(key)]
    source.table.write_text(f"{head}{given}}}\n")
    if given == "null" and name in {"imagefolder", "jsonl"}:
        return  # no objects
    found = listing(name, source.root)
    assert source.table.name in {path for path, _ in told(found)}
    assert all(not entry.annotations for entry in found.entries)


@pytest.mark.parametrize("name", SOURCES)
def test_a_picture_told_twice_is_told(name: str, tmp_path: Path) -> None:
    """A second description of a picture is neither believed nor mixed with the first."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    if name == "csv":
        return  # a line is an object: a picture stands in many
    _describe_twice(name, source.root, source.table)
    found = listing(name, source.root)
    assert "duplicate id" in {kind for _, kind in told(found)}
    assert len({entry.path for entry in found.entries}) == len(found.entries)


def _describe_twice(name: str, root: Path, table: Path) -> None:
    text = table.read_text()
    if name in {"voc", "labelme"}:
        table.with_stem("twice").write_text(text)
    elif name in {"jsonl", "imagefolder"}:
        table.write_text(text * 2)
    elif name == "cvat":
        image = text[text.index("<image") : text.index("</annotations>")]
        table.write_text(text.replace("</annotations>", image + "</annotations>"))
    elif name == "coco":
        record = json.loads(text)
        table.write_text(json.dumps({**record, "images": record["images"] * 2}))
    else:
        (root / "data.yaml").write_text("names: [Baum]\ntrain: images\nval: images\n")


@pytest.mark.parametrize("name", ["labelme", "voc", "yolo"])
def test_a_file_that_vanishes_is_told(name: str, tmp_path: Path) -> None:
    """One file a picture: what is gone between listing and reading is told, the rest is read."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    picture = next(source.root.rglob("a.png"))
    Image.new("RGB", (24, 16), "red").save(picture.with_name("b.png"))
    vanished = source.table.with_stem("b")
    vanished.symlink_to(source.root / "nowhere")  # listed, and not there when it is opened
    found = listing(name, source.root)
    assert (vanished.name, "unreadable") in told(found)
    assert [entry.path.name for entry in found.entries] == ["a.png"]


@pytest.mark.parametrize("name", SOURCES)
def test_pictures_that_change_while_they_are_read_are_told(name: str, tmp_path: Path) -> None:
    """A picture that goes, or gets another size, between its listing and its opening is told."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    found = listing(name, source.root)
    picture = next(source.root.rglob("a.png"))
    Image.new("RGB", (16, 24)).save(picture)
    items, problems = inspect_pictures(found.entries)
    assert (items, [problem.kind for problem in problems]) == ([], ["another size"])
    picture.unlink()
    items, problems = inspect_pictures(found.entries)
    assert (items, [problem.kind for problem in problems]) == ([], ["unreadable"])


def test_a_folder_that_changes_all_the_time_is_read(
    tmp_path: Path, draw: Callable[..., Path]
) -> None:
    """Pictures that go while others are opened are told one by one, and none is lost silently."""
    names = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(40)]
    for name in names:
        draw(tmp_path / "data" / name)

    def change(done: int, _: int) -> None:
        if done == 1:
            for name in names[5:35]:
                os.unlink(tmp_path / "data" / name)  # noqa: PTH108 - as another program would
            draw(tmp_path / "data" / "cat" / "new.png")

    dataset = read_dataset(tmp_path / "data", progress=change)
    read = {item.path.relative_to(dataset.source).as_posix() for item in dataset.items}
    gone = {problem.path.relative_to(dataset.source).as_posix() for problem in dataset.problems}
    assert read | gone == set(names)
    assert not read & gone
    assert {problem.kind for problem in dataset.problems} <= {"unreadable"}


_WRONG = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.sampled_from([10**400, -(10**4299), 1e308, 5e-324, "", "1", "a.png", "\0", "NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
_OTHERS = ("segmentation", "iscrowd", "attributes", "polygons", "mask", "crowd", "labels", "label",
           "split", "group", "flags", "group_id", "width", "height", "imageWidth")  # fmt: skip


def _places(value: object, way: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The way to every value in a record."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]  # only containers come here
    found: list[tuple[object, ...]] = []
    for key, inner in pairs:
        found.append((*way, key))
        if isinstance(inner, dict | list):
            found += _places(inner, (*way, key))
    return found


@pytest.mark.parametrize("name", JSON)
@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_wrong_value_anywhere_is_told(name: str, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands in place of whatever value, it is a problem, a refusal or no change."""
    source = SOURCES[name](tmp_path / "data", GOOD, "Baum")
    record = json.loads(source.table.read_text())
    *way, last = data.draw(st.sampled_from(_places(record)))
    inside = record
    for key in way:
        inside = inside[key]
    inside[last] = data.draw(_WRONG)
    if isinstance(inside, dict):  # what the good object has not
        inside |= data.draw(st.dictionaries(st.sampled_from(_OTHERS), _WRONG, max_size=2))
    text = json.dumps(record)
    source.table.write_text(text + ("\n" if name in {"jsonl", "imagefolder"} else ""))
    try:
        found = listing(name, source.root)
    except DatasetError as refused:
        assert refused.todo  # noqa: PT017 - either way is right
        return
    for entry in found.entries:
        for each in entry.annotations:
            assert each.xyxy[0] < each.xyxy[2]
            assert each.xyxy[1] < each.xyxy[3]
    assert all(problem.reason for problem in found.problems)


@pytest.mark.parametrize("name", ["coco", "labelme", "jsonl", "imagefolder"])
@pytest.mark.parametrize("number", ["9" * 5000, "1e99999999999999999999"])
def test_numbers_beyond_all_measure_are_told(name: str, number: str, tmp_path: Path) -> None:
    """Digits without end and exponents without end are no numbers, and no crash."""
    source = SOURCES[name](tmp_path / "data", ("1", "2", "3.25", "4"), "Baum")
    text = source.table.read_text()
    assert "3.25" in text or "4.25" in text
    source.table.write_text(text.replace("3.25", number).replace("4.25", number))
    found = listing(name, source.root)
    assert source.table.name in {path for path, _ in told(found)}


@pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 400])
def test_a_number_beyond_all_measure_costs_its_annotation_only(number: str, tmp_path: Path) -> None:
    """What stands before and after it in a COCO file is read; it is told with its place."""
    source = SOURCES["coco"](tmp_path / "data", ("1", "2", "3.25", "4"), "Baum")
    record = json.loads(source.table.read_text())
    record["annotations"].append({**record["annotations"][0], "id": 3})
    source.table.write_text(json.dumps(record).replace("3.25", number))
    found = listing("coco", source.root)
    assert [(each.path, each.kind) for each in found.problems] == [(source.table, "not a number")]
    assert found.problems[0].reason.startswith("annotations[1]: bbox[2] is ")
    assert [each.xyxy for entry in found.entries for each in entry.annotations] == [GOOD_XYXY] * 2


def test_ids_of_more_than_64_bits_are_ids(tmp_path: Path) -> None:
    """Some tools number pictures by hashes, which the parser alone could not hold."""
    source = SOURCES["coco"](tmp_path / "data", GOOD, "Baum")
    text = source.table.read_text().replace('"image_id": 1', f'"image_id": {2**64 + 1}')
    source.table.write_text(
        text.replace('{"id": 1, "file_name"', f'{{"id": {2**64 + 1}, "file_name"')
    )
    found = listing("coco", source.root)
    assert found.problems == ()
    assert [len(entry.annotations) for entry in found.entries] == [2]

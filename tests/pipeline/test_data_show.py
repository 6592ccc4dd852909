"""Sheets of pictures: shown, or sampled."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from photos import make_class_folders
from PIL import Image

from midrib import pipeline
from midrib.errors import DatasetError, UnknownNameError, UsageError
from midrib.pipeline import Layout
from midrib.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_class_folders(tmp_path / "photos", classes=(0, 1, 7), each=10)


def test_page_needs_nothing_beside_it(photos: Path, home: Settings) -> None:
    """A page carries its pictures, names what it shows, and names no address and no script."""
    shown = pipeline.show_data(photos, settings=home, layout=Layout(count=9))
    page = shown.output.read_text(encoding="utf-8")
    assert shown.output.parent == home.sheets
    assert page.count("data:image/webp;base64,") == 9
    assert re.findall(r"(?:https?:|<script|src=\"(?!data:))", page) == []
    assert "9 of 30 pictures" in page
    for label in shown.dataset.labels:
        assert label in page


def test_names_are_escaped_on_a_page(photos: Path, home: Settings) -> None:
    """What a file or class is called is text on the page, never markup."""
    (photos / "digit-0").rename(photos / "<script>alert(1)<")
    min((photos / "digit-1").iterdir()).rename(photos / "digit-1" / "line\nbreak\x1b[2J.png")
    shown = pipeline.show_data(photos, settings=home)
    page = shown.output.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert "line\\nbreak\\x1b[2J.png" in page
    assert "\x1b" not in page


def test_classes_stand_in_turn(photos: Path, home: Settings) -> None:
    """A sheet of few pictures shows every class."""
    shown = pipeline.show_data(photos, settings=home, layout=Layout(count=6))
    alts = re.findall(r'alt="[^:]+: ([^"]+)"', shown.output.read_text())
    assert Counter(alts) == {"digit-0": 2, "digit-1": 2, "digit-7": 2}


def test_sheet_as_png_has_the_asked_columns(photos: Path, home: Settings, tmp_path: Path) -> None:
    """The file's ending chooses a picture; columns and side are its layout."""
    layout = Layout(count=8, columns=4, side=50, output=tmp_path / "sheet.png")
    pipeline.show_data(photos, settings=home, layout=layout)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (4 * 58 + 8, 2 * (50 + 2 * 18 + 8) + 8)
    assert not home.sheets.exists()


def test_split_and_class_choose(photos: Path, home: Settings) -> None:
    """Only pictures of the split that was drawn before, and of the class, are shown."""
    divided = pipeline.split(photos, settings=home).dataset
    expected = [item for item in divided.items if item.split == "test" and item.label == "digit-1"]
    shown = pipeline.show_data(photos, split="test", label="digit-1", settings=home)
    assert shown.of == len(expected) > 0
    assert "digit-1 · test" in shown.output.read_text()


def test_what_cannot_be_shown_is_refused_before_or_in_one_line(
    photos: Path, home: Settings, tmp_path: Path
) -> None:
    """Unknown classes, splits that were never drawn, odd files and odd numbers are errors."""
    with pytest.raises(UnknownNameError, match="digit-1"):
        pipeline.show_data(photos, label="digit-11", settings=home)
    with pytest.raises(DatasetError, match="no picture of test"):
        pipeline.show_data(photos, split="test", settings=home)
    for layout in (
        {"output": tmp_path / "sheet.gif"},
        {"count": 0},
        {"columns": 51},
        {"side": 5000},
    ):
        with pytest.raises(UsageError):
            Layout(**layout)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a sheet of 0 columns; expected 1 to 50"):
        Layout(columns=0)


def test_worst_are_those_with_the_gravest_findings(photos: Path, home: Settings) -> None:
    """A picture in two classes comes before a black one; ordinary ones are not named."""
    sound = next(iter(sorted((photos / "digit-0").iterdir())))
    (photos / "digit-7" / "copy.png").write_bytes(sound.read_bytes())
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(photos / "digit-1" / "black.png")
    sampled = pipeline.sample_data(photos, settings=home)
    names = [each.item.path.name for each in sampled.pictures]
    assert {*names[:2]} == {sound.name, "copy.png"}
    assert "black.png" in names[2:]
    assert sampled.output is not None
    page = sampled.output.read_text()
    assert sampled.pictures[0].remarks[0].text.split(":")[0] in page
    assert all(each.note for each in sampled.pictures)


def test_random_sample_depends_on_contents_and_seed(
    photos: Path, home: Settings, tmp_path: Path
) -> None:
    """The same draw comes back, also from a copy of the folder; another seed draws others."""
    moved = make_class_folders(tmp_path / "moved", classes=(0, 1, 7), each=10)

    def drawn(source: Path, seed: int) -> list[str]:
        found = pipeline.sample_data(
            source, way="random", seed=seed, layout=Layout(count=8), settings=home
        )
        return [each.item.sha256 for each in found.pictures]

    assert drawn(photos, 1) == drawn(moved, 1)
    assert drawn(photos, 1) != drawn(photos, 2)
    assert len(set(drawn(photos, 1))) == 8


def test_sample_of_a_class_is_of_that_class(photos: Path, home: Settings) -> None:
    """--label and the record go together."""
    found = pipeline.sample_data(photos, way="random", label="digit-7", settings=home)
    record = found.as_record()
    assert isinstance(record["pictures"], list)
    assert {label for each in record["pictures"] for label in each["labels"]} == {"digit-7"}


def test_nothing_that_stands_out_writes_no_sheet(tmp_path: Path, home: Settings) -> None:
    """Where every picture is like the others there is no worst one."""
    rng = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "noise" / "ab"[number % 2] / f"{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    sampled = pipeline.sample_data(tmp_path / "noise", settings=home)
    assert sampled.output is None
    assert sampled.lines() == ["no picture stands out"]


def test_a_sheet_never_takes_the_place_of_a_picture(photos: Path, home: Settings) -> None:
    """A sheet among the pictures is refused, also by the name of one that a table names."""
    picture = min(photos.rglob("*.png"))
    before = picture.read_bytes()
    table = photos / "labels.csv"
    relative = picture.relative_to(photos)
    table.write_text(f"path,label\n{relative},one\n")
    for source in (photos, table):
        with pytest.raises(UsageError, match="lies in the data that is read"):
            pipeline.show_data(source, layout=Layout(output=picture), settings=home)
    assert picture.read_bytes() == before
    beside = Layout(output=photos / "sheet.png")
    assert pipeline.show_data(table, layout=beside, settings=home).pictures == 1


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_no_source(name: str, home: Settings) -> None:
    """A variable that is not set does not stand for the folder that one is in."""
    with pytest.raises(DatasetError, match="the source is '"):
        pipeline.show_data(name, settings=home)

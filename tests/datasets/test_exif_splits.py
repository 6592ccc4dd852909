"""Splits by what cameras write into their files, and by what broken ones write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from midrib.datasets import Dataset, SplitConfig, read_dataset, split_dataset
from midrib.errors import DatasetError

Draw = Callable[..., Path]
Tags = dict[int, object]

TAKEN, CHANGED = ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTime
MAKE, MODEL = ExifTags.Base.Make, ExifTags.Base.Model
SERIAL, TURNED = ExifTags.Base.BodySerialNumber, ExifTags.Base.Orientation
_OF_DETAILS = {TAKEN, SERIAL}
DAMAGED = (
    b"Exif\0\0II*\0\xff\xff\xff\xff",  # begins beyond its end
    b"Exif\0\0II*\0\x08\0\0\0\xff\xff",  # says 65,535 entries and has none
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\0\0\0\0",  # leads to itself
    b"Exif\0\0??",
    b"Exif\0\0",
)
NO_TIMES = ("0000:00:00 00:00:00", "2024:13:01 00:00:00", "2024:02:30 10:00:00", "12", "1e400",
            "nan", "    :  :     :  :  ", "yesterday", "", "\0" * 20, "9" * 5000)  # fmt: skip


def exif_of(tags: Tags) -> Image.Exif:
    """EXIF as a camera writes it: time and serial number stand in a part of their own."""
    exif = Image.Exif()
    for tag, value in tags.items():
        (exif.get_ifd(ExifTags.IFD.Exif) if tag in _OF_DETAILS else exif)[tag] = value
    return exif


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Callable[..., Dataset]:
    """Photos of two classes in turn, one for each set of tags, read from their files."""

    def make(*told: Tags | bytes, **options: object) -> Dataset:
        for number, tags in enumerate(told):
            exif = tags if isinstance(tags, bytes) else exif_of(tags)
            path = tmp_path / "photos" / "ab"[number % 2] / f"{number:03}.jpg"
            draw(path, size=(40, 30), exif=exif, **options)
        return read_dataset(tmp_path / "photos")

    return make


def splits(dataset: Dataset) -> dict[str, str | None]:
    return {item.path.stem: item.split for item in dataset.items}


def times(count: int) -> list[Tags]:
    """One photo an hour."""
    return [{TAKEN: f"2024:05:{6 + n // 24:02} {n % 24:02}:00:00"} for n in range(count)]


def test_the_newest_judge(photos: Callable[..., Dataset]) -> None:
    """By EXIF time, no picture of train is newer than one of validation, nor that than test's."""
    divided = splits(split_dataset(photos(*times(40)), SplitConfig(by="time")))
    order = [divided[name] for name in sorted(divided)]
    assert order == sorted(order, key=["train", "validation", "test"].index)
    assert set(order) == {"train", "validation", "test"}


def test_the_time_of_the_last_change_counts_where_no_other_is_told(
    photos: Callable[..., Dataset],
) -> None:
    """A photo without, or with an impossible, time of its taking has that of its last change."""
    told = times(40)
    told[0] = {CHANGED: "2030:01:01 00:00:00"}
    told[1] = {TAKEN: "0000:00:00 00:00:00", CHANGED: "2031:01:01 00:00:00"}
    divided = splits(split_dataset(photos(*told), SplitConfig(by="time")))
    assert (divided["000"], divided["001"]) == ("test", "test")


@pytest.mark.parametrize("time", NO_TIMES, ids=lambda text: repr(text)[:24])
def test_a_time_that_is_none_is_refused_by_name(time: str, photos: Callable[..., Dataset]) -> None:
    """A clock that was never set puts no picture anywhere: the file and the option are named."""
    dataset = photos(*times(6), {TAKEN: time})
    with pytest.raises(DatasetError) as refused:
        split_dataset(dataset, SplitConfig(by="time"))
    assert "006.jpg does not say when it was taken" in str(refused.value)
    assert "--times" in refused.value.todo
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # which midrib does too
@pytest.mark.parametrize("resolution", [{}, {"dpi": (72, 72)}], ids=["without", "with"])
@pytest.mark.parametrize("damage", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_exif_tells_nothing(
    damage: bytes, resolution: dict[str, object], photos: Callable[..., Dataset]
) -> None:
    """The picture is read; it has neither time nor camera, and that is told in one line."""
    dataset = photos(*times(6), damage, **resolution)
    assert len(dataset.items) == 7
    with pytest.raises(DatasetError, match=r"006\.jpg does not say when it was taken"):
        split_dataset(dataset, SplitConfig(by="time"))
    with pytest.raises(DatasetError, match="finds a group in no picture"):
        split_dataset(dataset, SplitConfig(groups="exif:camera"))


def test_pictures_of_a_camera_stay_together(photos: Callable[..., Dataset]) -> None:
    """Make, model and serial number are one camera; a camera is in one split."""
    cameras: list[Tags] = [
        {MAKE: "Maker", MODEL: "M1", SERIAL: str(number % 6)} for number in range(48)
    ]
    divided = splits(split_dataset(photos(*cameras), SplitConfig(groups="exif:camera")))
    by_camera = defaultdict(set)
    for name, split in divided.items():
        by_camera[int(name) % 6].add(split)
    assert all(len(each) == 1 for each in by_camera.values())
    assert len(set(divided.values())) > 1


def test_pictures_of_a_day_stay_together_and_those_without_one_do_not(
    photos: Callable[..., Dataset],
) -> None:
    """A day is in one split; clocks that stand at zero are no day that pictures share."""
    days: list[Tags] = [{TAKEN: f"2024:05:{1 + n // 4:02} {n % 4:02}:00:00"} for n in range(24)]
    unset: list[Tags] = [{TAKEN: "0000:00:00 00:00:00"} for _ in range(40)]
    divided = splits(split_dataset(photos(*days, *unset), SplitConfig(groups="exif:day")))
    by_day = defaultdict(set)
    for name, split in divided.items():
        if int(name) < 24:
            by_day[int(name) // 4].add(split)
    assert all(len(each) == 1 for each in by_day.values())
    assert len({divided[f"{n:03}"] for n in range(24, 64)}) > 1


@pytest.mark.parametrize(
    "make",
    ["", " \0 ", "M\0aker\r\n", "メーカー", "M" * 60_000, "\x1b[31m", b"\xff\xfe\0\x01"],
    ids=["empty", "blank", "control", "script", "long", "escape", "bytes"],
)
def test_absurd_names_of_cameras_do_no_harm(
    make: str | bytes, photos: Callable[..., Dataset]
) -> None:
    """Whatever a maker is called, pictures are divided, and a terminal sees none of its codes."""
    told: list[Tags] = [{MAKE: "Maker", MODEL: str(number % 6)} for number in range(24)]
    dataset = photos(*told, {MAKE: make}, {MAKE: make, TURNED: 4711})
    divided = split_dataset(dataset, SplitConfig(groups="exif:camera"))
    assert len(divided.items) == 26
    for item in dataset.items:
        assert item.measures is not None
        assert item.measures.camera.isprintable()
        assert len(item.measures.camera) <= 80
        assert item.measures.orientation == 1

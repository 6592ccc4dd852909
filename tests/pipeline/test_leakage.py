"""Training refuses a score that would lie, or tells it beside the honest one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from photos import make_class_folders
from PIL import Image
from pipeline.conftest import SMALL

from midrib.errors import DatasetError
from midrib.packages import open_package
from midrib.pipeline import split, train
from midrib.settings import Settings

LABELS = ("digit-0", "digit-1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of 24 real digits each."""
    return make_class_folders(tmp_path / "digits", classes=(0, 1), each=24, size=64)


def _plant(pictures: Path) -> list[Path]:
    """Copies of some pictures: saved again, scaled, slightly cropped."""
    planted = []
    for label in LABELS:
        first, second, third = sorted((pictures / label).glob("*.png"))[:3]
        for place, original in enumerate((first, second, third)):
            with Image.open(original) as opened:
                changed = (
                    opened.convert("L"),
                    opened.resize((150, 150), Image.Resampling.BICUBIC),
                    opened.crop((2, 1, 63, 62)),
                )[place]
            target = pictures / label / f"planted-{place}.jpg"
            changed.save(target, quality=80)
            planted.append(target)
    return planted


def _split_by_hand(pictures: Path) -> Path:
    """A table in which every planted copy judges and its original is learnt from."""
    table = pictures / "labels.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "split"])
        for label in LABELS:
            for place, path in enumerate(sorted((pictures / label).iterdir())):
                held = "validation" if place in range(6, 12) else "test" if place > 20 else "train"
                chosen = "test" if path.name.startswith("planted") else held
                writer.writerow([f"{label}/{path.name}", label, chosen])
    return table


def test_planted_copies_stay_together(pictures: Path, settings: Settings) -> None:
    """Our own split puts a copy where its original is."""
    planted = _plant(pictures)
    result = split(pictures, settings=settings)
    splits = {item.path: item.split for item in result.dataset.items}
    for copy in planted:
        original = sorted(copy.parent.glob("0*.png"))[int(copy.stem[-1])]
        assert splits[copy] == splits[original], copy
    assert not result.divided.leaks
    assert result.divided.copies >= len(planted)


def test_a_planted_leak_stops_training(pictures: Path, settings: Settings) -> None:
    """Given splits with copies on both sides are refused, with names and what to do."""
    _plant(pictures)
    table = _split_by_hand(pictures)
    with pytest.raises(DatasetError) as refused:
        train(table, config=SMALL, settings=settings)
    assert "6 held-out pictures are copies" in refused.value.came
    assert "planted-0.jpg (test)" in refused.value.came
    assert "--allow-leak" in refused.value.todo
    assert not list(settings.runs.glob("*"))


def test_an_old_split_that_leaks_names_the_command_that_mends_it(
    pictures: Path, settings: Settings
) -> None:
    """What an earlier split has parted is refused, and splitting anew mends it."""
    from midrib.datasets import SplitConfig

    _plant(pictures)
    loose = SplitConfig(validation=0.3, test=0.4, keep_together=False)
    assert split(pictures, config=loose, settings=settings).divided.leaks
    with pytest.raises(DatasetError, match=r"midrib data split .* --anew"):
        train(pictures, config=SMALL, settings=settings)
    assert not split(pictures, anew=True, settings=settings).divided.leaks


def test_an_allowed_leak_is_told_beside_the_honest_score(
    pictures: Path, settings: Settings
) -> None:
    """Report, card and JSON carry every score with the leaked pictures and without."""
    _plant(pictures)
    table = _split_by_hand(pictures)
    trained = train(table, config=SMALL, allow_leak=True, settings=settings)
    assert len(trained.test.leaked) == 6
    first, second = (score for score in trained.test.scores if score.metric == "accuracy")
    assert (first.split, second.split) == ("test", "test without leaked pictures")
    assert first.pictures == second.pictures + 6
    assert open_package(trained.package).card.scores == trained.test.scores
    assert "6 pictures of these leaked" in trained.run.report.read_text()
    assert any("without leaked pictures" in line for line in trained.lines())


def test_a_picture_that_bridges_two_splits_is_set_aside(pictures: Path, settings: Settings) -> None:
    """A new picture of two splits' groups gets no split, is named, and moves no old one."""
    table = pictures / "labels.csv"
    rows = [
        [f"{label}/{path.name}", label, f"{label}-{place}"]
        for label in LABELS
        for place, path in enumerate(sorted((pictures / label).glob("*.png")))
    ]
    _write(table, rows)
    before = {item.path: item.split for item in split(table, settings=settings).dataset.items}
    test_row = next(row for row in rows if before[pictures / row[0]] == "test")
    train_row = next(row for row in rows if before[pictures / row[0]] == "train")
    with Image.open(pictures / train_row[0]) as opened:
        opened.resize((100, 100), Image.Resampling.BICUBIC).save(pictures / "bridge.png")
    _write(table, [*rows, ["bridge.png", train_row[1], test_row[2]]])
    after = split(table, settings=settings)
    assert {item.path: item.split for item in after.dataset.items} == before
    assert [each.path.name for each in after.dataset.problems] == ["bridge.png"]
    assert any("set aside: 1: bridge.png" in line for line in after.lines())


def _write(table: Path, rows: list[list[str]]) -> None:
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows([["path", "label", "group"], *rows])

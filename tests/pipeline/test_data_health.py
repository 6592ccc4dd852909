from __future__ import annotations

import base64
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import make_class_folders
from PIL import Image, ImageFilter

from midrib.cli.console import ConsoleReporter
from midrib.datasets import Item
from midrib.datasets.health import Finding
from midrib.errors import DatasetError, StorageError, UnknownNameError, UsageError
from midrib.pipeline import check, fix, quarantine, split
from midrib.pipeline.data.health_pictures import thumbnails
from midrib.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Three digits; one picture is blank, one is a copy, one a PNG by another name, one words."""
    root = make_class_folders(tmp_path / "digits", each=12)
    Image.new("L", (40, 40), 7).save(root / "digit-0" / "blank.png")
    first = min((root / "digit-1").glob("*.png"))
    shutil.copy(first, root / "digit-1" / "again.png")
    second = min((root / "digit-7").glob("*.png"))
    second.rename(root / "digit-7" / "<b>'no.jpg")
    (root / "digit-7" / "words.png").write_text("words")
    return root


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_page_carries_pictures_and_commands(
    digits: Path, tmp_path: Path, settings: Settings
) -> None:
    """One HTML file has the pictures at fault and the commands; plots and JSON lie beside it."""
    folder = tmp_path / "health"
    health = check(digits, report=folder, settings=settings)
    page = (folder / "health.html").read_text()
    assert page.count("data:image/webp;base64,") >= 4
    for name in health.findings:
        assert f'id="{name}"' in page
    assert f"midrib data quarantine {digits} --kind blank" in page
    assert f"midrib data fix {digits} --kind wrong-extension" in page
    assert "<b>'no" not in page
    assert "&lt;b&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    record = json.loads((folder / "health.json").read_text())
    assert record["findings"].keys() == health.findings.keys()
    plots = {path.name for path in (folder / "plots").iterdir()}
    assert plots == {
        f"{n}.png" for n in ("brightness", "classes", "contrast", "sharpness", "sizes")
    }


def test_a_report_among_the_pictures_is_refused(
    digits: Path, tmp_path: Path, settings: Settings
) -> None:
    """Plots beside the classes would be a class the next time; a hidden folder never is one."""
    before = tree(digits)
    (tmp_path / "link").symlink_to(digits)
    for among in (digits, digits / "health", digits / "digit-0", tmp_path / "link" / "x"):
        with pytest.raises(UsageError, match="lies in the data that is read"):
            check(digits, report=among, settings=settings)
    assert tree(digits) == before
    check(digits, report=digits / ".health", settings=settings)
    assert check(digits, settings=settings).dataset.labels == ("digit-0", "digit-1", "digit-7")


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        (["a/0.png", "a/1.png", "a/2.png"], {"class-too-small"}),
        (["a/0.png", "b/0.png"], {"class-too-small"}),
        (["a/broken.png", "b/broken.png"], {"class-too-small", "unreadable"}),
        (["train/a/0.png", "val/b/0.png"], {"class-too-small", "class-missing"}),
    ],
)
def test_what_training_refuses_is_reported(
    files: list[str], kinds: set[str], tmp_path: Path, settings: Settings
) -> None:
    """One class, too few pictures, none that can be read: a check tells it and ends well."""
    for number, name in enumerate(files):
        path = tmp_path / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "broken" in name:
            path.write_text("words")
        else:
            Image.effect_noise((20 + number, 20), 80).save(path)
    health = check(tmp_path / "odd", report=tmp_path / "health", settings=settings)
    assert kinds <= set(health.findings)
    assert all(name in (tmp_path / "health" / "health.html").read_text() for name in kinds)
    with pytest.raises(DatasetError):
        split(tmp_path / "odd", settings=settings)


def test_a_small_box_is_shown_close(tmp_path: Path) -> None:
    """What is at fault can be seen: of a large picture the part around a small box is shown."""
    path = tmp_path / "large.png"
    Image.new("RGB", (1500, 1200), "grey").save(path)
    finding = Finding("tiny", pictures=(path,), boxes=((1490, 1190, 1500, 1200),))
    [shown] = thumbnails(finding, {path: Item(path, (), width=1500, height=1200)})
    encoded = base64.b64decode(shown.source.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")).astype(int)
    red = (pixels[..., 0] - pixels[..., 2]) > 80
    assert red.sum() > 100
    beside = Finding("gone", pictures=(tmp_path / "labels.xml",))
    assert thumbnails(beside, {}) == []


def test_a_folder_of_nothing_but_faults_can_be_emptied(tmp_path: Path, settings: Settings) -> None:
    """Where no picture can be read, all of them can still be moved out and put back."""
    odd = tmp_path / "odd"
    (odd / "a").mkdir(parents=True)
    (odd / "a" / "0.png").write_text("words")
    moved = quarantine(odd, kinds=["unreadable"], settings=settings)
    assert moved.lines()[0] == "moved 1 picture"
    assert quarantine(odd, restore=True, settings=settings).lines()[0] == "put back 1 picture"


def test_a_check_looks_at_the_splits_that_were_drawn(digits: Path, settings: Settings) -> None:
    """After a split, a check counts by it, though the source itself gives none."""
    assert set(check(digits, settings=settings).counts) == {"unsplit"}
    split(digits, settings=settings)
    assert set(check(digits, settings=settings).counts) == {"train", "validation", "test"}


def test_pictures_go_and_come_back(digits: Path, settings: Settings) -> None:
    """Two kinds are moved out at once, a check then finds neither, and all comes back."""
    before = tree(digits)
    told = quarantine(digits, kinds=["blank", "unreadable"], dry_run=True, settings=settings)
    assert tree(digits) == before
    assert told.lines()[0] == "would have moved 2 pictures"
    moved = quarantine(digits, kinds=["blank", "unreadable"], settings=settings)
    assert [target for _, target in moved.moved] == [target for _, target in told.moved]
    found = check(digits, settings=settings).findings
    assert {"blank", "unreadable"}.isdisjoint(found)
    assert {"exact-copy", "wrong-extension"} <= set(found)
    emptied = tree(digits)
    would = quarantine(digits, restore=True, dry_run=True, settings=settings)
    assert would.lines()[0] == "would have put back 2 pictures"
    assert tree(digits) == emptied
    back = quarantine(digits, restore=True, settings=settings)
    assert back.lines()[0] == "put back 2 pictures"
    assert back.moved == would.moved
    assert tree(digits) == before


def test_of_copies_one_stays(digits: Path, settings: Settings) -> None:
    """Quarantine of exact copies leaves the first of each."""
    moved = quarantine(digits, kinds=["exact-copy"], settings=settings)
    assert len(moved.moved) == 1
    assert "exact-copy" not in check(digits, settings=settings).findings


def test_a_wrong_ending_is_mended_and_given_back(digits: Path, settings: Settings) -> None:
    """A PNG that is called .jpg is renamed, its content untouched; --restore renames it back."""
    before = tree(digits)
    fix(digits, kinds=["wrong-extension"], settings=settings)
    assert (digits / "digit-7" / "<b>'no.png").is_file()
    assert sorted(tree(digits).values()) == sorted(before.values())
    fix(digits, restore=True, settings=settings)
    assert tree(digits) == before


def test_files_that_a_table_names_are_not_renamed(tmp_path: Path, settings: Settings) -> None:
    """Renaming would part pictures from the table that names them, so it is refused."""
    root = make_class_folders(tmp_path / "digits", each=4)
    rows = [f"{p.relative_to(root)},{p.parent.name}" for p in sorted(root.rglob("*.png"))]
    (root / "labels.csv").write_text("\n".join(["path,label", *rows]))
    with pytest.raises(DatasetError, match="name its files"):
        fix(root / "labels.csv", kinds=["wrong-extension"], settings=settings)


@pytest.mark.parametrize(
    ("verb", "kinds", "error", "told"),
    [
        (quarantine, [], UsageError, "--kind"),
        (quarantine, ["blured"], UnknownNameError, "did you mean 'blurred'"),
        (quarantine, ["class-imbalance"], UsageError, "does not help"),
        (quarantine, ["outlier"], UsageError, "add --embeddings"),
        (fix, ["blurred"], UsageError, "expected wrong-extension"),
    ],
)
def test_kinds_that_cannot_be_helped_so_are_refused(
    verb: Callable[..., object],
    kinds: list[str],
    error: type[Exception],
    told: str,
    tmp_path: Path,
) -> None:
    """Each refusal says what would help, before a picture is read."""
    with pytest.raises(error, match=told):
        verb(tmp_path, kinds=kinds, settings=Settings(home=tmp_path / "home"))


@pytest.mark.parametrize(
    ("verb", "options", "told"),
    [
        (check, {"weights": "own.pt"}, "weights 'own.pt' without a backbone"),
        (quarantine, {"weights": "own.pt", "restore": True}, "leave --weights out"),
        (quarantine, {"embeddings": "tiny", "restore": True}, "the journal tells what was moved"),
    ],
)
def test_an_option_without_use_is_refused(
    verb: Callable[..., object], options: dict[str, object], told: str, tmp_path: Path
) -> None:
    """What would be ignored is said, before a picture is read."""
    with pytest.raises(UsageError, match=told):
        verb(tmp_path, **options, settings=Settings(home=tmp_path / "home"))


def test_a_home_that_takes_nothing_is_no_hindrance(
    digits: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would only save time is not kept; the check says so, and nothing of it on stdout."""
    settings.datasets.parent.mkdir(parents=True)
    settings.datasets.write_text("a file where the folder should be")
    health = check(digits, settings=settings, reporter=ConsoleReporter())
    assert health.pictures("blank")
    said = capsys.readouterr()
    assert said.out == ""
    assert "copies will be looked for again the next time" in said.err


def test_archives_are_not_changed(digits: Path, tmp_path: Path, settings: Settings) -> None:
    """An archive's pictures are a copy: moving them would help nobody."""
    with zipfile.ZipFile(tmp_path / "digits.zip", "w") as archive:
        for path in digits.rglob("*.png"):
            archive.write(path, path.relative_to(digits))
    with pytest.raises(DatasetError, match="is not a folder"):
        quarantine(tmp_path / "digits.zip", kinds=["blank"], settings=settings)


def test_nothing_to_put_back_is_told(digits: Path, settings: Settings) -> None:
    """Restoring before anything was moved says where it looked."""
    with pytest.raises(StorageError, match="digits-quarantine holds nothing"):
        quarantine(digits, restore=True, settings=settings)


def test_embeddings_of_a_backbone_find_wrong_labels(tmp_path: Path, settings: Settings) -> None:
    """A backbone's embeddings, even untrained, tell black pictures from white ones."""
    random = np.random.default_rng(0)
    for label, level in (("black", 20), ("white", 225)):
        for number in range(24):
            noise = random.normal(level, 12, (32, 32)).clip(0, 255).astype(np.uint8)
            path = tmp_path / "two" / label / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1)).save(path)
    (tmp_path / "two/black/07.png").rename(tmp_path / "two/white/wrong.png")
    health = check(tmp_path / "two", embeddings="squeezenet-1.1", weights="none", settings=settings)
    assert [path.name for path in health.pictures("mislabelled")] == ["wrong.png"]

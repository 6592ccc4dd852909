"""``midrib data convert`` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from photos import make_class_folders
from PIL import Image
from warm_start import WarmStart

from midrib.storage import ASIDE_PREFIX

PATIENCE_SECONDS = 120.0
COMMAND = [sys.executable, "-c", "from midrib.cli import main; main()"]
VERB = ("data", "convert")


class Shell:
    """Runs the verb in one home."""

    def __init__(self, home: Path, warm_start: WarmStart) -> None:
        self.environment = {**os.environ, "MIDRIB_HOME": str(home), "COLUMNS": "100"}
        self._warm_start = warm_start

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self._warm_start.run([*VERB, *arguments], environment=self.environment)

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*COMMAND, *VERB, *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )


@pytest.fixture
def convert(tmp_path: Path, warm_start: WarmStart) -> Shell:
    return Shell(tmp_path / "home", warm_start)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_class_folders(tmp_path / "my-photos")


@pytest.fixture
def crowns(tmp_path: Path) -> Path:
    """COCO of one picture: one good object, one of a class that is not there."""
    folder = tmp_path / "crowns"
    folder.mkdir()
    Image.new("RGB", (24, 16)).save(folder / "a.png")
    box = {"image_id": 1, "bbox": [1, 2, 3, 4], "attributes": {"colour": "red"}}
    record = {
        "images": [{"id": 1, "file_name": "a.png", "width": 24, "height": 16}],
        "categories": [{"id": 1, "name": "Baum"}],
        "annotations": [{**box, "id": 1, "category_id": 1}, {**box, "id": 2, "category_id": 9}],
    }
    (folder / "all.json").write_text(json.dumps(record))
    return folder


def assert_refused(finished: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line, without a trace, that says these words."""
    assert finished.returncode in {2, 3}, finished.stderr
    assert "Traceback" not in finished.stderr
    [last] = [line for line in finished.stderr.splitlines() if line.startswith("midrib: ")]
    for word in words:
        assert word in last


def leftovers(folder: Path) -> list[Path]:
    """Folders that were being written."""
    return list(folder.glob(f"{ASIDE_PREFIX}*"))


def test_what_it_was_read_as_left_out_and_lost_is_said(
    convert: Shell, crowns: Path, tmp_path: Path
) -> None:
    """The detected format, each bad annotation with its record, and each loss are on the screen."""
    finished = convert(crowns, tmp_path / "yolo", "--format", "yolo")
    assert finished.returncode == 0, finished.stderr
    first, *others = finished.stdout.splitlines()
    assert first.startswith("1 pictures of ")
    assert "(read as coco) written as yolo to " in first
    assert "warning: left out: unknown class 1" in others
    assert f"  {crowns / 'all.json'}: annotations[1]: category_id 9 is not in the file" in others
    assert "warning: lost: attributes of objects (1)" in others
    assert (tmp_path / "yolo" / "labels" / "unsplit" / "a.txt").read_text().startswith("0 0.10416")


def test_json_says_the_same(convert: Shell, crowns: Path, tmp_path: Path) -> None:
    """--json gives formats, losses and problems to a program, and nothing else on stdout."""
    finished = convert(crowns, tmp_path / "voc", "--format", "voc", "--json")
    record = json.loads(finished.stdout)
    assert (record["read_as"], record["format"], record["pictures"]) == ("coco", "voc", 1)
    assert record["lost"] == []
    assert record["target"] == str(tmp_path / "voc")
    assert [problem["kind"] for problem in record["problems"]] == ["unknown class"]


def test_strict_refuses_and_writes_nothing(convert: Shell, crowns: Path, tmp_path: Path) -> None:
    """With --strict one bad annotation is enough to refuse; there is no target then."""
    finished = convert(crowns, tmp_path / "voc", "--format", "voc", "--strict")
    assert_refused(finished, "annotations[1]: category_id 9", "strict")
    assert not (tmp_path / "voc").exists()


def test_the_format_to_read_as_can_be_forced(convert: Shell, photos: Path, tmp_path: Path) -> None:
    """--from takes the place of what the source looks like."""
    finished = convert(photos, tmp_path / "out", "--format", "csv", "--from", "coco")
    assert_refused(finished, "holds no COCO file")
    finished = convert(photos, tmp_path / "out", "--format", "csv", "--from", "class-folders")
    assert "(read as class-folders)" in finished.stdout


@pytest.mark.parametrize("option", ["--format", "--from"])
def test_an_unknown_format_gets_the_nearest_name(
    option: str, convert: Shell, photos: Path, tmp_path: Path
) -> None:
    """A misspelt format is refused, before a picture is read, with the one that was meant."""
    options = [option, "cocoa"] if option == "--format" else ["--format", "csv", option, "cocoa"]
    assert_refused(convert(photos, tmp_path / "out", *options), "cocoa", "'coco'")
    assert not (tmp_path / "out").exists()


def test_a_target_that_holds_anything_is_refused(
    convert: Shell, photos: Path, tmp_path: Path
) -> None:
    """Neither a folder with a file in it nor a file is written over; an empty folder is used."""
    used, file, empty = tmp_path / "used", tmp_path / "file", tmp_path / "empty"
    used.mkdir()
    (used / "diary.txt").write_text("mine")
    file.write_text("mine")
    empty.mkdir()
    for target in (used, file):
        assert_refused(convert(photos, target, "--format", "csv"), "is there already")
    assert [(used / "diary.txt").read_text(), file.read_text()] == ["mine", "mine"]
    assert convert(photos, empty, "--format", "csv").returncode == 0
    assert (empty / "labels.csv").is_file()
    assert leftovers(tmp_path) == []


def test_a_target_inside_the_source_is_refused(
    convert: Shell, photos: Path, tmp_path: Path
) -> None:
    """Neither straight nor through a link is the source changed."""
    (tmp_path / "way").symlink_to(photos)
    before = sorted(photos.rglob("*"))
    for target in (photos / "as-csv", tmp_path / "way" / "deep" / "as-csv", photos):
        finished = convert(photos, target, "--format", "csv")
        assert finished.returncode == 3
        assert "Traceback" not in finished.stderr
    assert_refused(convert(photos, photos / "as-csv", "--format", "csv"), "lies in the data")
    assert sorted(photos.rglob("*")) == before


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Enough pictures to be interrupted at."""
    for number in range(400):
        path = tmp_path / "many" / "ab"[number % 2] / f"{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (200, 200), number % 256).save(path)
    return tmp_path / "many"


def growing(target: Path) -> Iterator[Path]:
    """The files that are written so far."""
    for aside in leftovers(target.parent):
        yield from aside.rglob("*.bmp")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_conversion_leaves_nothing_half_written(
    how: signal.Signals, convert: Shell, many: Path, tmp_path: Path
) -> None:
    """There is no target until it is whole; the same command then does the work."""
    target = tmp_path / "out" / "csv"
    target.parent.mkdir()
    running = convert.start(many, target, "--format", "csv", "--copy")
    until = time.monotonic() + PATIENCE_SECONDS
    while not any(growing(target)):
        assert running.poll() is None
        assert time.monotonic() < until
    running.send_signal(how)
    assert running.wait(PATIENCE_SECONDS) != 0
    assert not target.exists()
    assert all(path.name.startswith(".") for path in target.parent.iterdir())
    if how is signal.SIGINT:
        assert leftovers(target.parent) == []
    assert convert(many, target, "--format", "csv").returncode == 0
    assert len(list(target.rglob("*.bmp"))) == 400

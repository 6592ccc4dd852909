"""The command as a user types it: results, one-line errors, exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from photos import make_class_folders
from PIL import Image
from tiny_package import make_tiny_package, picture_bytes
from warm_start import WarmStart


class Shell:
    """Runs ``midrib`` in one home."""

    def __init__(self, home: Path, warm_start: WarmStart) -> None:
        self.home = home
        self._warm_start = warm_start

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "MIDRIB_HOME": str(self.home), "COLUMNS": "100"}
        return self._warm_start.run(arguments, environment=environment)


@pytest.fixture
def midrib(tmp_path: Path, warm_start: WarmStart) -> Shell:
    return Shell(tmp_path / "home", warm_start)


def assert_refused(finished: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One line on stderr after the bars, no trace, the exit code of the error tree."""
    assert finished.returncode == code, finished.stderr
    assert "Traceback" not in finished.stderr
    [last] = [line for line in finished.stderr.splitlines() if line.startswith("midrib: ")]
    for word in words:
        assert word in last


def test_unknown_command_and_option_get_the_nearest_name(midrib: Shell) -> None:
    """A misspelt verb or option is refused with the one that was probably meant."""
    command = midrib("trian")
    assert command.returncode == 2
    assert "train" in command.stderr
    option = midrib("train", "x", "--epoch", "3")
    assert option.returncode == 2
    assert "--epochs" in option.stderr
    assert "see midrib train --help" in option.stderr


@pytest.mark.parametrize("group", [(), ("data",), ("package",)], ids=str)
def test_a_group_without_a_verb_shows_its_help(midrib: Shell, group: tuple[str, ...]) -> None:
    """Who types no verb sees those that there are, laid out as help is, and the code of misuse."""
    shown = midrib(*group)
    assert shown.returncode == 2
    assert shown.stderr == midrib(*group, "--help").stdout
    assert shown.stderr.startswith(" ".join(["Usage: midrib", *group]))


@pytest.mark.parametrize(
    "command",
    [
        ("train", "x"),
        ("evaluate", "x", "x"),
        ("export", "x"),
        ("backbones", "show", "resnet18"),
        ("backbones", "compare", "resnet18"),
        ("demo",),
    ],
    ids=" ".join,
)
def test_command_of_the_lab_without_it_says_what_to_install(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Where the lab is not installed, its commands are refused in one line with the remedy."""
    code = "import sys; sys.modules['torch'] = None; from midrib.cli import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MIDRIB_HOME": str(tmp_path)},
    )
    assert_refused(finished, 7, "torch", "pip install 'midrib[lab]'")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_output_that_cannot_be_printed_is_one_line(midrib: Shell) -> None:
    """A full disk under a redirected result is told like any error."""
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-c", "from midrib.cli import main; main()", "models"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "MIDRIB_HOME": str(midrib.home)},
        )
    assert_refused(finished, 5, "No space left on device")


def test_unknown_setting_gets_the_nearest_name(midrib: Shell, tmp_path: Path) -> None:
    """A misspelt --set option is refused with the nearest known one before data are read."""
    refused = midrib("train", tmp_path, "--set", "warmpu=0.2")
    assert_refused(refused, 2, "warmpu", "did you mean 'warmup'")


def test_empty_folder_says_what_to_put_there(midrib: Shell, tmp_path: Path) -> None:
    """An empty folder is a data error that says what was expected."""
    (tmp_path / "empty").mkdir()
    assert_refused(midrib("train", tmp_path / "empty"), 3, "empty", "expected")


def test_one_class_only_is_told_and_refused(midrib: Shell, tmp_path: Path) -> None:
    """One class cannot be told from anything: a check says so, training refuses it."""
    pictures = make_class_folders(tmp_path / "one", classes=(3,), each=8)
    checked = midrib("data", "check", pictures)
    assert checked.returncode == 0
    assert "class-too-small" in checked.stdout
    assert_refused(midrib("train", pictures), 3, "class")


def test_class_with_one_picture_is_named(midrib: Shell, tmp_path: Path) -> None:
    """A class too small to be split is named with what it needs."""
    pictures = make_class_folders(tmp_path / "few", classes=(3, 5), each=8)
    for path in sorted((pictures / "digit-5").iterdir())[1:]:
        path.unlink()
    assert_refused(midrib("train", pictures), 3, "digit-5")


def test_corrupt_picture_is_skipped_counted_and_refused_when_strict(
    midrib: Shell, tmp_path: Path
) -> None:
    """A truncated file and a text named .jpg are named and counted; --strict refuses."""
    pictures = make_class_folders(tmp_path / "photos", classes=(3, 5), each=8)
    (pictures / "digit-3" / "text.jpg").write_text("no picture")
    whole = next(iter((pictures / "digit-3").glob("*.png"))).read_bytes()
    (pictures / "digit-3" / "cut.png").write_bytes(whole[:70])

    found = midrib("data", "check", pictures, "--json")
    assert found.returncode == 0, found.stderr
    problems = {Path(one["path"]).name: one for one in json.loads(found.stdout)["problems"]}
    assert problems.keys() == {"text.jpg", "cut.png"}
    assert_refused(midrib("data", "check", pictures, "--strict"), 3, "2")


def test_label_table_that_names_a_missing_picture(midrib: Shell, tmp_path: Path) -> None:
    """A row without its picture is named; --strict refuses the table."""
    pictures = make_class_folders(tmp_path / "photos", classes=(3, 5), each=6)
    rows = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in pictures.glob("*/*.png")]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["path,label", *rows, "photos/gone.png,digit-3"]) + "\n")
    found = midrib("data", "check", table, "--json")
    assert found.returncode == 0, found.stderr
    assert "gone.png" in found.stdout
    assert_refused(midrib("data", "check", table, "--strict"), 3, "gone.png")


def test_split_writes_a_table(midrib: Shell, tmp_path: Path) -> None:
    """Every picture gets a split, written as a table where asked for."""
    pictures = make_class_folders(tmp_path / "photos", classes=(3, 5), each=10)
    table = tmp_path / "splits.csv"
    finished = midrib("data", "split", pictures, "--output", table, "--json")
    assert finished.returncode == 0, finished.stderr
    assert len(table.read_text().splitlines()) == 21
    assert json.loads(finished.stdout)["table"] == str(table)


def test_package_with_a_changed_byte(midrib: Shell, tmp_path: Path) -> None:
    """Verify names the changed file and exits with the package's code."""
    package = make_tiny_package(tmp_path / "package")
    assert midrib("package", "verify", package.folder).returncode == 0
    sample = next(iter((package.folder / "samples").glob("*.png")))
    sample.write_bytes(picture_bytes("red", seed=99))
    assert_refused(midrib("package", "verify", package.folder), 4, sample.name)


def test_predict_as_json(midrib: Shell, tmp_path: Path) -> None:
    """Predict answers a picture from a package folder, without a database."""
    package = make_tiny_package(tmp_path / "package")
    picture = tmp_path / "red.png"
    picture.write_bytes(picture_bytes("red"))
    finished = midrib("predict", package.folder, picture, "--json")
    [answer] = json.loads(finished.stdout)["predictions"]
    assert answer["label"] == "red"


def test_error_as_json(midrib: Shell, tmp_path: Path) -> None:
    """With --json an error is an object with what came, what was expected and what to do."""
    finished = midrib("predict", tmp_path / "nothing", "x.png", "--json")
    error = json.loads(finished.stdout)
    assert finished.returncode == 4
    assert set(error) == {"error", "came", "expected", "todo"}


def test_port_in_use_is_told_before_the_model_is_loaded(midrib: Shell, tmp_path: Path) -> None:
    """A taken port is one line and a non-zero exit."""
    package = make_tiny_package(tmp_path / "package")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_refused(midrib("serve", package.folder, "--port", port), 11, str(port))


def test_unknown_model_says_which_there_are(midrib: Shell, tmp_path: Path) -> None:
    """A name that was never published is refused by every verb that takes one."""
    for verb in (("release", "cats", "--version", "1"), ("rollback", "cats"), ("serve", "cats")):
        assert_refused(midrib(*verb), 2, "cats")
    picture = tmp_path / "x.png"
    Image.new("RGB", (8, 8)).save(picture)
    assert_refused(midrib("predict", "cats", picture), 2, "cats")


def test_doctor_tells_engines_and_devices(midrib: Shell) -> None:
    """Doctor names both engines and the device that training would take."""
    finished = midrib("doctor", "--json")
    found = {one["what"]: one["state"] for one in json.loads(finished.stdout)["findings"]}
    assert {"onnxruntime", "openvino", "training", "home"} <= found.keys()


_EACH_IN_TURN = """
import contextlib, io, json, sys
from midrib.cli import main
told = []
for sys.argv[1:] in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as error:
        try:
            main()
        except SystemExit as end:
            told.append((end.code, error.getvalue()))
print(json.dumps(told))
"""


def test_every_error_is_one_line(tmp_path: Path) -> None:
    """Calls that cannot be parsed, odd names and broken settings are one line each."""
    calls = (
        ("train", "x", "--epoch", "3"),
        ("release", "cats", "--version", "x"),
        ("predict", "cats@²", "x.png"),
        ("predict", "cats@99999999999999999999", "x.png"),
        ("train", str(tmp_path), "--threshold", "0.9"),
        ("train", str(tmp_path), "--positive", "a", "--threshold", "7"),
        ("train", str(tmp_path), "--name", "../outside"),
        ("monitor", "cats", "--hours", "1e9"),
    )
    # One process for all: importing the lab eight times would take longer than all else here.
    finished = subprocess.run(
        [sys.executable, "-c", _EACH_IN_TURN, json.dumps(calls)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "MIDRIB_HOME": str(tmp_path / "home")},
    )
    for call, (code, error) in zip(calls, json.loads(finished.stdout), strict=True):
        assert code == 2, call
        assert len(error.strip().splitlines()) == 1, error
        assert "fault of midrib" not in error


def test_package_folder_is_asked_in_a_home_that_cannot_be_written(
    midrib: Shell, tmp_path: Path
) -> None:
    """What engine is fastest is forgotten where it cannot be written; the answer comes."""
    package = make_tiny_package(tmp_path / "package")
    picture = tmp_path / "red.png"
    picture.write_bytes(picture_bytes("red"))
    midrib.home = Path("/proc/nowhere")
    assert midrib("predict", package.folder, picture).returncode == 0
    (package.folder / "fp32.onnx").write_bytes(b"changed")
    assert_refused(midrib("predict", package.folder, picture), 4, "fp32.onnx")

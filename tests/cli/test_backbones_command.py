"""``midrib backbones`` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from midrib.cli.choosing import count
from midrib.errors import UsageError


def midrib(*arguments: object, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from midrib.cli import main; main()", "backbones"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MIDRIB_HOME": str(home), "COLUMNS": "100"},
    )


def test_conditions_arrive(tmp_path: Path) -> None:
    """Every option of the list reaches it; counts are typed as people write them."""
    finished = midrib(
        *("--like", "net", "--family", "mobilenet", "--task", "classification"),
        *("--algorithm", "linear-classifier", "--framework", "pytorch", "--has-weights"),
        *("--min-parameters", "3M", "--max-parameters", "5M", "--min-multiply-adds", "0.1G"),
        *("--max-multiply-adds", "500M", "--json"),
        home=tmp_path,
    )
    assert finished.returncode == 0, finished.stderr
    [found] = json.loads(finished.stdout)["backbones"]
    assert (found["name"], found["parameters"]) == ("mobilenet-v2", 3_504_872)
    assert found["weights"] == ["packaged", "hub"]
    assert found["fit"]["takes"] is True
    assert finished.stderr == ""


def test_the_list_is_a_table(tmp_path: Path) -> None:
    """People get one line a backbone, and are told that accuracy is others' word."""
    finished = midrib("--like", "resnet1*", home=tmp_path)
    lines = finished.stdout.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["name", "resnet18", "resnet101", "resnet152"]
    assert "not measured here" in finished.stdout
    assert not any(tmp_path.iterdir())


def test_show(tmp_path: Path) -> None:
    """One backbone as JSON at a size of the caller's choice."""
    finished = midrib("show", "shufflenet-v1", "--size", 64, "--json", home=tmp_path)
    record = json.loads(finished.stdout)
    assert record["size"] == [64, 64]
    assert [stage["channels"] for stage in record["stages"]] == [24, 240, 480, 960]
    assert record["weights"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "resnet51"), "did you mean 'resnet50'"),
        (("show", "alexnet", "--size", "9999999"), "expected a size from 1 to 4096"),
        (("--family", "vggg"), "did you mean 'VGG'"),
        (("--max-parameters", "lots"), "expected a number as 800k"),
        (("--framework", "caffe"), "expected one of: pytorch, tao, tensorflow"),
        (("shwo", "resnet50"), "Did you mean 'show'"),
        (("--json", "--like", "x", "show", "resnet50"), "--like, --json before 'show'"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Unknown names get the nearest, and an option before a sub-verb is never ignored."""
    finished = midrib(*arguments, home=tmp_path)
    assert finished.returncode == 2
    [line] = finished.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("typed", "counted"),
    [
        ("10M", 10_000_000),
        ("4.2m", 4_200_000),
        ("800k", 800_000),
        ("1.5 G", 1_500_000_000),
        ("7", 7),
    ],
)
def test_counts(typed: str, counted: int) -> None:
    """k, M and G are thousands, millions and thousands of millions."""
    assert count(typed) == counted
    with pytest.raises(UsageError, match=f"'{typed}x'"):
        count(f"{typed}x")

"""What was decoded is read back, by whom ever, within its bound, whatever happens to the disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preprocessing.cache_writer import RECIPE, name, picture

from midrib.preprocessing.picture_cache import PictureCache
from midrib.storage import ASIDE_PREFIX

WRITER = Path(__file__).parent / "cache_writer.py"
PLENTY = 1 << 30


def start(folder: Path, bound: int, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(folder), *map(str, (bound, first, count))]
    environment = os.environ | {"PYTHONPATH": str(WRITER.parents[1])}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def taken(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10**6))
def test_what_is_put_comes_back(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, seed: int
) -> None:
    """A picture of any size comes back as it was, under its own name and recipe only."""
    cache = PictureCache(tmp_path_factory.getbasetemp() / "put", PLENTY)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    sha256 = f"{seed:032x}{height:016x}{width:016x}"
    cache.put(sha256, RECIPE, pixels[::-1, ::-1])
    found = cache.get(sha256, RECIPE)
    assert found is not None
    np.testing.assert_array_equal(found, pixels[::-1, ::-1])
    assert cache.get(sha256, "cd" * 32) is None
    assert cache.get("f" * 64, RECIPE) is None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    """At the bound the pictures that were read long ago go, and what is left fits the bound."""
    bound = 20 * (picture(0).nbytes + 100)
    cache = PictureCache(tmp_path, bound)
    for number in range(16):
        cache.put(name(number), RECIPE, picture(number))
    day = 86_400
    for number in range(16):
        (file,) = tmp_path.rglob(f"{name(number)}*")
        os.utime(file, (0, time.time() - (16 - number) * day))
    assert cache.get(name(0), RECIPE) is not None  # the oldest is read: now it is the youngest
    for number in range(16, 24):
        cache.put(name(number), RECIPE, picture(number))
    assert taken(tmp_path) <= bound
    assert cache.get(name(0), RECIPE) is not None
    assert cache.get(name(1), RECIPE) is None
    assert cache.get(name(23), RECIPE) is not None


def test_several_processes_share_it(tmp_path: Path) -> None:
    """Processes that write the same and other pictures at once read only what was written."""
    bound = 60 * picture(0).nbytes
    writers = [start(tmp_path, bound, first, 120) for first in (0, 0, 60)]
    for writer in writers:
        _, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error
    assert taken(tmp_path) <= bound * (1 + len(writers) / 50)
    cache = PictureCache(tmp_path, bound)
    found = {number: cache.get(name(number), RECIPE) for number in range(180)}
    whole = {number: kept for number, kept in found.items() if kept is not None}
    assert len(whole) > 20
    for number, kept in whole.items():
        np.testing.assert_array_equal(kept, picture(number))


def test_a_killed_writer_leaves_whole_pictures(tmp_path: Path) -> None:
    """After SIGKILL in the middle of writing every file that bears a name is whole."""
    for first in (0, 500, 1000):
        writer = start(tmp_path, PLENTY, first, 500)
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate(timeout=60)
    cache = PictureCache(tmp_path, PLENTY)
    whole = [number for number in range(1500) if cache.get(name(number), RECIPE) is not None]
    assert len(whole) >= 60
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len([path for path in files if not path.name.startswith(ASIDE_PREFIX)]) == len(whole)


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    """A file that was never renamed counts as old once it is an hour old."""
    cache = PictureCache(tmp_path, 3 * picture(0).nbytes)
    cache.put(name(0), RECIPE, picture(0))
    shelf = next(tmp_path.rglob(f"{name(0)}*")).parent
    left = shelf / f"{ASIDE_PREFIX}left"
    left.write_bytes(bytes(2 * picture(0).nbytes))
    os.utime(left, (0, time.time() - 7200))
    PictureCache(tmp_path, 3 * picture(0).nbytes).put(name(1), RECIPE, picture(1))
    assert not left.exists()


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "header", "longer"])
def test_damage_is_noticed(tmp_path: Path, damage: str) -> None:
    """A file that is not as it was written counts as not there, and is written anew."""
    cache = PictureCache(tmp_path, PLENTY)
    cache.put(name(3), RECIPE, picture(3))
    (file,) = tmp_path.rglob(f"{name(3)}*")
    whole = file.read_bytes()
    flipped = whole[:-9] + bytes([whole[-9] ^ 4]) + whole[-8:]
    damaged = {
        "cut": whole[:-1],
        "bit": flipped,
        "empty": b"",
        "header": b"x" + whole[1:],
        "longer": whole + b"0",
    }
    file.write_bytes(damaged[damage])
    assert cache.get(name(3), RECIPE) is None
    cache.put(name(3), RECIPE, picture(3))
    assert cache.get(name(3), RECIPE) is not None


def test_a_full_disk_costs_one_warning(tmp_path: Path) -> None:
    """Where the disk takes no more, there is one warning and the pictures are still served."""
    limit = picture(0).nbytes // 2
    command = [sys.executable, str(WRITER), str(tmp_path), str(PLENTY), "0", "20"]
    full = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(WRITER.parents[1])},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert full.stdout.split() == [str(number) for number in range(20)]
    assert full.stderr.count("no longer kept") == 1
    assert "full" in full.stderr
    assert taken(tmp_path) == 0


def test_a_place_that_cannot_be_written_to_costs_one_warning(tmp_path: Path) -> None:
    """Without a folder to write to there is one warning, and nothing is kept."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = PictureCache(blocked / "cache", PLENTY)
    with pytest.warns(UserWarning, match="no longer kept"):
        cache.put(name(0), RECIPE, picture(0))
    cache.put(name(1), RECIPE, picture(1))  # a second warning would be an error here
    assert cache.get(name(0), RECIPE) is None


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    """A bound below one picture keeps none, and a bound of nothing does so without a word."""
    with pytest.warns(UserWarning, match="less than one picture"):
        PictureCache(tmp_path / "small", 10).put(name(0), RECIPE, picture(0))
    PictureCache(tmp_path / "none", 0).put(name(0), RECIPE, picture(0))
    assert taken(tmp_path) == 0

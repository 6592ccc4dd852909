from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from generations import NAMES, is_whole
from hypothesis import given
from hypothesis import strategies as st

from midrib.errors import StorageError
from midrib.storage import (
    ASIDE_PREFIX,
    file_sha256,
    folder_written_aside,
    read_json,
    write_bytes,
    write_json,
    write_text,
    written_aside,
)

_KILLS = 8
_WRITE_TOO_MUCH = """
import json, resource, sys
from pathlib import Path
from midrib.errors import StorageError
from midrib.storage import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path(sys.argv[1]), bytes(1 << 20))
except StorageError as problem:
    print(json.dumps(problem.as_record()))
"""


def asides(folder: Path) -> list[Path]:
    return list(folder.glob(f"{ASIDE_PREFIX}*"))


def killed_while_writing(kind: str, target: Path, generations: int) -> None:
    """Let a process write so many generations, then kill it in the middle of the next."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("generations.py")), kind, str(target)],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for _ in range(generations):
            assert process.stdout.readline()
        process.kill()


def write_folder(target: Path, files: dict[str, bytes]) -> None:
    with folder_written_aside(target) as aside:
        for name, content in files.items():
            (aside / name).write_bytes(content)


def fail_while_writing(writing: AbstractContextManager[Path]) -> None:
    with writing as aside:
        (aside / "half" if aside.is_dir() else aside).write_bytes(b"half")
        raise ZeroDivisionError


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where this process may mount one."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("there is no mount command here")
    place = tmp_path / "small"
    place.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=64k", "midrib-test", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run([unmount, str(place)], check=True)


def test_process_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    """However often a writer is killed, the file is one whole generation."""
    target = tmp_path / "file"
    for generations in range(1, _KILLS + 1):
        killed_while_writing("file", target, generations)
        assert is_whole(target.read_bytes())


def test_process_killed_at_any_moment_leaves_a_whole_folder(tmp_path: Path) -> None:
    """However often a writer is killed, the folder is there and all of one generation."""
    target = tmp_path / "folder"
    for generations in range(1, _KILLS + 1):
        killed_while_writing("folder", target, generations)
        contents = {(target / name).read_bytes() for name in NAMES}
        assert len(contents) == 1
        assert is_whole(contents.pop())


def test_full_disk_keeps_the_old_file(full_disk: Path) -> None:
    """On a full disk the write is refused, the old content stays and nothing lies about."""
    target = full_disk / "file"
    write_bytes(target, b"old")
    with pytest.raises(StorageError, match=r"the disk is full.*free some space"):
        write_bytes(target, bytes(1 << 20))
    assert target.read_bytes() == b"old"
    assert not asides(full_disk)


def test_full_disk_keeps_the_old_folder(full_disk: Path) -> None:
    """On a full disk a folder is refused whole and the old one stays."""
    target = full_disk / "folder"
    write_folder(target, {"old": b"old"})
    with pytest.raises(StorageError, match="the disk is full"):
        write_folder(target, {"small": b"fits", "large": bytes(1 << 20)})
    assert [path.name for path in target.iterdir()] == ["old"]
    assert not asides(full_disk)


def test_limit_on_file_size_is_a_full_disk(tmp_path: Path) -> None:
    """A process that may not write so much refuses with advice and leaves the old content."""
    target = tmp_path / "file"
    write_bytes(target, b"old")
    said = subprocess.run(
        [sys.executable, "-c", _WRITE_TOO_MUCH, str(target)],
        capture_output=True,
        check=True,
    ).stdout
    assert "the disk is full" in json.loads(said)["came"]
    assert target.read_bytes() == b"old"
    assert not asides(tmp_path)


def test_failure_of_the_writer_leaves_the_old_content(tmp_path: Path) -> None:
    """An exception in the middle keeps file and folder as they were, and passes on."""
    write_bytes(tmp_path / "file", b"old")
    write_folder(tmp_path / "folder", {"old": b""})
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(written_aside(tmp_path / "file"))
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(folder_written_aside(tmp_path / "folder"))
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["old"]
    assert not asides(tmp_path)


def test_folder_is_replaced_whole(tmp_path: Path) -> None:
    """A new folder takes the old one's place without any of its files."""
    for name in ("old", "new"):
        write_folder(tmp_path / "folder", {name: b""})
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert not asides(tmp_path)


def test_folder_does_not_replace_a_file(tmp_path: Path) -> None:
    """A file that stands where a folder should go is kept."""
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StorageError, match="it is a file, not a folder"):
        write_folder(tmp_path / "taken", {})
    assert (tmp_path / "taken").read_text() == "mine"


def test_missing_folders_are_made(tmp_path: Path) -> None:
    """A file is written below folders that did not exist."""
    write_text(tmp_path / "a" / "b" / "c", "é")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == "é".encode()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_refused_permission_is_a_storage_error(tmp_path: Path) -> None:
    """A folder that may not be written to is named."""
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="check the path and its permissions"):
        write_bytes(tmp_path / "locked" / "file", b"")


def test_written_files_can_be_read_by_others(tmp_path: Path) -> None:
    """A written file has the permissions of an ordinary file, not of a temporary one."""
    write_bytes(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers() | st.none()))
def test_json_reads_back(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, int | None]
) -> None:
    """What was written as JSON is what is read."""
    path = tmp_path_factory.mktemp("json") / "value.json"
    write_json(path, value)
    assert read_json(path) == value


@pytest.mark.parametrize("content", [b"{", b"\xff", b""])
def test_broken_json_is_a_storage_error(tmp_path: Path, content: bytes) -> None:
    """A broken file is refused by name."""
    (tmp_path / "value.json").write_bytes(content)
    with pytest.raises(StorageError, match=r"value\.json cannot be read"):
        read_json(tmp_path / "value.json")


def test_missing_json_is_a_storage_error(tmp_path: Path) -> None:
    """A file that is not there is refused by name."""
    with pytest.raises(StorageError, match=r"value\.json cannot be read"):
        read_json(tmp_path / "value.json")


@given(st.binary(max_size=4096))
def test_file_hash_is_sha256(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """The hash of a file is the SHA-256 of its bytes."""
    path = tmp_path_factory.mktemp("hash") / "file"
    path.write_bytes(content)
    assert file_sha256(path) == hashlib.sha256(content).hexdigest()

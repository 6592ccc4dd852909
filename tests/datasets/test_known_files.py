from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from midrib.datasets import Dataset, read_dataset
from midrib.datasets.formats import Entry
from midrib.datasets.index import inspect_changed
from midrib.datasets.index.known_files import _UNSETTLED_NS

Draw = Callable[..., Path]
_OPENED: list[Path] = []


def _note_opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        _OPENED.append(Path(arguments[0]))


sys.addaudithook(_note_opened)


def settled(source: Path) -> Path:
    """``source``, once its files have not changed for some ticks of the file system's clock."""
    until = max(path.stat().st_ctime_ns for path in source.rglob("*")) + _UNSETTLED_NS
    while time.time_ns() <= until:
        time.sleep(0.02)
    return source


def pictures(source: Path) -> Path:
    """Four pictures of each of two classes."""
    for number in range(8):
        label = ("cat", "dog")[number % 2]
        (source / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 7), (number, 20, 30)).save(source / label / f"{number}.png")
    return source


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settled class folders that no test changes."""
    return settled(pictures(tmp_path_factory.mktemp("settled") / "photos"))


def opened_by(
    source: Path, database: Path, *, fresh: bool = False, strict: bool = False
) -> tuple[Dataset, list[str]]:
    """What is read of ``source``, and the names of the pictures that were opened for it."""
    _OPENED.clear()
    dataset = read_dataset(source, known_files=database, fresh=fresh, strict=strict)
    opened = [path.name for path in _OPENED if path.is_relative_to(source)]
    return dataset, sorted(name for name in set(opened) if name.endswith(".png"))


ALL = [f"{number}.png" for number in range(8)]


def test_unchanged_files_are_not_opened_again(source: Path, tmp_path: Path) -> None:
    """A second read opens none and finds the same; a fresh one opens all."""
    database = tmp_path / "home" / "known.db"
    first, opened = opened_by(source, database)
    assert opened == ALL
    assert opened_by(source, database) == (first, [])
    assert opened_by(source, database, fresh=True) == (first, ALL)
    assert read_dataset(source) == first


def test_what_has_changed_is_opened_again(tmp_path: Path, draw: Draw) -> None:
    """New, rewritten, replaced and touched files are opened, though size and time be the same."""
    source, database = pictures(tmp_path / "photos"), tmp_path / "known.db"
    (source / "cat" / "bad.png").write_bytes(b"no picture")
    opened_by(settled(source), database)
    before = (source / "cat" / "0.png").stat()
    content = (source / "cat" / "2.png").read_bytes()
    (source / "cat" / "0.png").write_bytes(content.ljust(before.st_size, b"\0"))
    os.utime(source / "cat" / "0.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    shutil.copy2(source / "dog" / "3.png", tmp_path / "aside.png")
    (tmp_path / "aside.png").replace(source / "dog" / "1.png")
    (source / "dog" / "5.png").touch()
    draw(source / "dog" / "9.png")
    (source / "dog" / "7.png").unlink()
    dataset, opened = opened_by(settled(source), database)
    assert opened == ["0.png", "1.png", "5.png", "9.png", "bad.png"]
    assert dataset == read_dataset(source)


def test_what_the_source_says_of_a_file_is_read_anew(source: Path, tmp_path: Path) -> None:
    """Labels, splits and groups are never remembered; a size that is not the file's is told."""
    path = source / "cat" / "0.png"
    inspect_changed([Entry(path, ("cat",))], tmp_path / "known.db")
    entry = Entry(path, ("dog", "wet"), "test", group="farm", width=9, height=7)
    assert inspect_changed([entry], tmp_path / "known.db") == inspect_changed([entry], None)
    wrong = Entry(path, ("cat",), width=7, height=9)
    items, problems = inspect_changed([wrong, entry], tmp_path / "known.db")
    assert [item.labels for item in items] == [("dog", "wet")]
    assert [problem.kind for problem in problems] == ["another size"]


def test_files_that_just_changed_are_opened_again(tmp_path: Path) -> None:
    """A file that may change once more within a tick of its clock is not trusted."""
    source = pictures(tmp_path / "photos")
    opened_by(source, tmp_path / "known.db")
    assert opened_by(source, tmp_path / "known.db")[1] == ALL


@pytest.mark.parametrize("content", [b"", b"no database" * 100])
def test_a_damaged_memory_is_made_again(source: Path, tmp_path: Path, content: bytes) -> None:
    """Whatever lies where files were remembered, pictures are read, and remembered again."""
    (tmp_path / "known.db").write_bytes(content)
    first = opened_by(source, tmp_path / "known.db")
    assert first == (read_dataset(source), ALL)
    assert opened_by(source, tmp_path / "known.db")[1] == []


def test_a_memory_of_other_code_is_made_again(source: Path, tmp_path: Path) -> None:
    """What another midrib found is not taken for what this one would find."""
    opened_by(source, tmp_path / "known.db")
    with sqlite3.connect(tmp_path / "known.db") as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert opened_by(source, tmp_path / "known.db")[1] == ALL


def test_where_nothing_can_be_remembered_all_is_read(source: Path, tmp_path: Path) -> None:
    """A home that takes nothing costs time, not the result."""
    (tmp_path / "home").write_text("a file")
    for _ in range(2):
        assert opened_by(source, tmp_path / "home" / "known.db")[1] == ALL


def test_files_that_are_gone_are_forgotten(source: Path, tmp_path: Path) -> None:
    """What is remembered stays in proportion to what there is."""
    entries = [Entry(path, ("x",)) for path in sorted(source.rglob("*.png"))]
    inspect_changed(entries, tmp_path / "known.db")
    inspect_changed(entries[:2], tmp_path / "known.db")
    with sqlite3.connect(tmp_path / "known.db") as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone() == (2,)
    connection.close()


def test_two_at_once_and_one_that_is_killed(source: Path, tmp_path: Path) -> None:
    """Processes that read one source at the same time, one of them killed, spoil nothing."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom midrib.datasets import read_dataset\n"
        "print('begun', flush=True)\n"
        "while True: read_dataset(Path(sys.argv[1]), known_files=Path(sys.argv[2]), fresh=True)"
    )
    command = [sys.executable, "-c", code, str(source), str(tmp_path / "known.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            for _ in range(20):
                assert len(opened_by(source, tmp_path / "known.db", fresh=True)[0].items) == 8
        finally:
            other.kill()
    assert opened_by(source, tmp_path / "known.db") == (read_dataset(source), [])


def test_progress_counts_known_files_too(source: Path, tmp_path: Path) -> None:
    """Whether files are opened or known, the last that is told is that all are done."""
    for _ in range(2):
        told: list[tuple[int, int]] = []

        def tell(done: int, total: int, told: list[tuple[int, int]] = told) -> None:
            told.append((done, total))

        read_dataset(source, known_files=tmp_path / "known.db", progress=tell)
        assert told[-1] == (8, 8)
        assert told == sorted(told)

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from midrib.datasets.quarantine import (
    carry_out,
    place_beside,
    plan_quarantine,
    plan_renaming,
    put_back,
)
from midrib.errors import StorageError

Classes = Draw = Callable[..., Path]
MOVER = Path(__file__).parent / "quarantine_moves.py"
ELSEWHERE = Path("/dev/shm")  # noqa: S108 - another file system, wherever there is one


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_pictures_are_moved_and_put_back(classes: Classes) -> None:
    """Pictures leave for a folder beside the source, by kind, and come back as they were."""
    root = classes(cat=3, dog=3)
    before = contents(root)
    place = place_beside(root)
    moves, left = plan_quarantine(place, "blurred", [root / "cat/0.png", root / "dog/2.png"])
    assert left == []
    assert contents(root) == before
    done = carry_out(place, moves)
    assert [target for _, target in done.moved] == [
        root.parent / "photos-quarantine/blurred/cat/0.png",
        root.parent / "photos-quarantine/blurred/dog/2.png",
    ]
    assert set(contents(root)) == set(before) - {"cat/0.png", "dog/2.png"}
    back = put_back(place, "quarantine")
    assert len(back.moved) == 2
    assert contents(root) == before
    assert put_back(place, "quarantine").moved == ()


def test_only_the_kinds_that_are_named_come_back(classes: Classes) -> None:
    """Of two kinds in quarantine one can be put back alone."""
    root = classes(cat=3, dog=3)
    place = place_beside(root)
    for kind, name in (("blurred", "0.png"), ("dark", "1.png")):
        carry_out(place, plan_quarantine(place, kind, [root / "cat" / name])[0])
    put_back(place, "quarantine", ["dark"])
    assert not (root / "cat/0.png").exists()
    assert (root / "cat/1.png").exists()


@pytest.mark.parametrize("at", [0, 1, 4, 6])
def test_a_kill_at_any_moment_loses_nothing(at: int, classes: Classes) -> None:
    """A process killed before, between or after moves leaves all that is needed to put back."""
    root = classes(cat=3, dog=3)
    before = contents(root)
    finished = subprocess.run(
        [sys.executable, MOVER, root, str(at)], check=False, capture_output=True
    )
    assert finished.returncode == (-signal.SIGKILL if at else 1), finished.stderr
    assert len(contents(root)) == 6 - at
    place = place_beside(root)
    assert len(put_back(place, "quarantine").moved) == at
    assert contents(root) == before


def test_a_journal_that_was_cut_off_is_written_on(classes: Classes) -> None:
    """Half a line at the end of the journal hides no move before or after it."""
    root = classes(cat=3, dog=3)
    before, place = contents(root), place_beside(root)
    carry_out(place, plan_quarantine(place, "dark", [root / "cat/0.png"])[0])
    with (place.folder / "journal.jsonl").open("a") as stream:
        stream.write('{"action": "quaran')
    carry_out(place, plan_quarantine(place, "dark", [root / "cat/1.png"])[0])
    assert len(put_back(place, "quarantine").moved) == 2
    assert contents(root) == before


def test_nothing_is_written_over(classes: Classes, draw: Draw) -> None:
    """A second picture of the same name gets a number, and a place that is taken stays taken."""
    root = classes(cat=3, dog=3)
    place = place_beside(root)
    carry_out(place, plan_quarantine(place, "dark", [root / "cat/0.png"])[0])
    draw(root / "cat/0.png", size=(5, 5))
    second = contents(root)
    moves, _ = plan_quarantine(place, "dark", [root / "cat/0.png"])
    assert moves[0].target == "dark/cat/0-2.png"
    carry_out(place, moves)
    back = put_back(place, "quarantine")
    assert contents(root) == second
    assert [reason for _, reason in back.left] == [f"{root / 'cat/0.png'} is there already"]


def test_changed_files_are_left_and_named(classes: Classes, draw: Draw) -> None:
    """What was replaced while it lay in quarantine is not put back as if it were the picture."""
    root = classes(cat=3, dog=3)
    place = place_beside(root)
    carry_out(place, plan_quarantine(place, "dark", [root / "cat/0.png"])[0])
    draw(place.folder / "dark/cat/0.png")
    back = put_back(place, "quarantine")
    assert [reason for _, reason in back.left] == ["its content has changed"]


def test_links_folders_and_annotations_are_not_touched(classes: Classes, tmp_path: Path) -> None:
    """Only regular picture files of the source move; the rest is named with the reason."""
    root = classes(cat=3, dog=3)
    (root / "cat" / "link.png").symlink_to(root / "cat" / "0.png")
    (root / "labels.json").write_text("{}")
    asked = [root / "cat" / "link.png", root / "labels.json", root / "cat", tmp_path / "x.png"]
    moves, left = plan_quarantine(place_beside(root), "dark", [*asked, root / "gone.png"])
    assert moves == []
    assert [path for path, _ in left] == [*asked, root / "gone.png"]
    assert "it is a link" in left[0][1]


def test_renaming_gives_another_ending_and_takes_it_back(classes: Classes) -> None:
    """An ending is changed where the file is, around names that are taken, and changed back."""
    root = classes(cat=3, dog=3)
    (root / "cat" / "0.png").rename(root / "cat" / "1.jpg")
    before, place = contents(root), place_beside(root)
    moves, _ = plan_renaming(place, "wrong-extension", [(root / "cat/1.jpg", ".png")])
    carry_out(place, moves)
    assert "cat/1-2.png" in contents(root)
    assert sorted(contents(root).values()) == sorted(before.values())
    put_back(place, "rename")
    assert contents(root) == before


def test_a_folder_inside_the_source_is_refused(classes: Classes) -> None:
    """Pictures are never moved to where they would be read again."""
    root = classes(cat=3, dog=3)
    with pytest.raises(StorageError, match="outside of the pictures"):
        place_beside(root, root / "bad")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that even root cannot fill")
def test_a_place_that_takes_no_files_is_refused(classes: Classes) -> None:
    """Where no lock can be made nothing is waited for, and no picture is moved."""
    root = classes(cat=3, dog=3)
    before = contents(root)
    with pytest.raises(StorageError, match="cannot be written"):
        carry_out(*_moves(root, Path("/proc/self")))
    assert contents(root) == before


def test_another_sources_journal_is_not_used(classes: Classes) -> None:
    """What was moved out of one source is not put into another."""
    one, other = classes("one", cat=3), classes("other", cat=3)
    folder = one.parent / "bad"
    carry_out(*_moves(one, folder))
    with pytest.raises(StorageError, match=f"only of {one}"):
        put_back(place_beside(other, folder), "quarantine")
    with pytest.raises(StorageError, match="holds nothing"):
        put_back(place_beside(other), "quarantine")


@pytest.mark.parametrize("origin", ["../x.png", "/x.png"])
def test_a_journal_that_leads_out_is_refused(origin: str, classes: Classes) -> None:
    """A line that names a place outside of the source is not followed."""
    root = classes(cat=3, dog=3)
    place, moves = _moves(root, None)
    carry_out(place, moves)
    journal = place.folder / "journal.jsonl"
    record = json.loads(journal.read_text())
    journal.write_text(json.dumps({**record, "origin": origin}) + "\n")
    with pytest.raises(StorageError, match="leads out"):
        put_back(place, "quarantine")


def test_a_link_in_the_source_leads_nothing_out(classes: Classes, tmp_path: Path) -> None:
    """A folder that became a link to elsewhere gets nothing put back into it."""
    root = classes(cat=3, dog=3)
    place, moves = _moves(root, None)
    carry_out(place, moves)
    elsewhere = tmp_path / "elsewhere"
    (root / "cat").rename(elsewhere)
    (root / "cat").symlink_to(elsewhere)
    assert len(put_back(place, "quarantine").left) == 1
    assert not (elsewhere / "0.png").exists()


@pytest.mark.skipif(not os.access(ELSEWHERE, os.W_OK), reason="needs a second file system")
def test_pictures_move_between_file_systems(classes: Classes) -> None:
    """Where a file cannot be renamed it is copied whole before it goes; back likewise."""
    root = classes(cat=3, dog=3)
    before = contents(root)
    folder = ELSEWHERE / f"midrib-test-{os.getpid()}"
    try:
        place, moves = _moves(root, folder)
        assert len(carry_out(place, moves).moved) == 1
        put_back(place, "quarantine")
    finally:
        shutil.rmtree(folder)
    assert contents(root) == before


def _moves(root: Path, folder: Path | None) -> tuple:
    place = place_beside(root, folder)
    return place, plan_quarantine(place, "dark", [root / "cat/0.png"])[0]

"""Work in processes of its own: what it answers, how it fails, and that nothing is left of it."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from midrib.work import WorkError, ask

PATIENCE_SECONDS = 60.0


def test_work_is_given_a_request_and_answers() -> None:
    """What goes in and comes out is JSON; variables are set for that process alone."""
    assert ask("base.work_to_do:double", {"number": 3}, seconds=60) == {"number": 6}
    request, environment = {"variable": "MIDRIB_TOLD"}, {"MIDRIB_TOLD": "so"}
    assert ask("base.work_to_do:told", request, seconds=60, environment=environment) == "so"


def test_what_lies_about_is_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the current folder does not stand in for a module of that name."""
    (tmp_path / "json.py").write_text("raise ImportError('this is no module')")
    monkeypatch.chdir(tmp_path)
    assert ask("base.work_to_do:double", {"number": 3}, seconds=60) == {"number": 6}


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ("fail", "ValueError: no 3 here"),
        ("wrap", "ValueError: no 4 here"),
        ("die", "its process was ended by SIGKILL, perhaps for want of memory"),
        ("leave", "off I go"),
        ("nothing", "AttributeError: module 'base.work_to_do' has no attribute 'nothing'"),
    ],
)
def test_what_fails_tells_its_last_words(work: str, reason: str) -> None:
    """An error in another process is one line, its first cause."""
    with pytest.raises(WorkError) as caught:
        ask(f"base.work_to_do:{work}", {"number": 3}, seconds=60)
    assert str(caught.value) == caught.value.came == reason


def test_advice_comes_along() -> None:
    """An error of midrib's tells what was expected and what to do, and what came apart from it."""
    with pytest.raises(WorkError, match=r"^a 3 came; expected a 4; count again$") as caught:
        ask("base.work_to_do:advise", {}, seconds=60)
    assert caught.value.came == "a 3 came"


def test_time_is_bounded(tmp_path: Path) -> None:
    """What takes too long is killed, which is said."""
    begun = tmp_path / "begun"
    with pytest.raises(WorkError, match=r"^no answer within 2 s$"):
        ask("base.work_to_do:wait", {"begun": str(begun)}, seconds=2)
    if begun.is_file():
        assert not psutil.pid_exists(int(begun.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded where the system can")
def test_memory_is_bounded() -> None:
    """Work may not take more than it was given; what is less is fine."""
    request = {"bytes": 1 << 30}
    with pytest.raises(WorkError, match=r"^MemoryError"):
        ask("base.work_to_do:swell", request, seconds=60, memory_bytes=256 << 20)
    assert ask("base.work_to_do:swell", {"bytes": 1}, seconds=60, memory_bytes=256 << 20) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends what has lost its parent")
def test_work_ends_with_whoever_asked(tmp_path: Path) -> None:
    """When a process that asked is killed, what it asked for is not left behind."""
    begun = tmp_path / "begun"
    asked = threading.Thread(target=_ask_and_be_stopped, args=(begun,))
    asked.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not begun.is_file() or not begun.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    worker = psutil.Process(int(begun.read_text()))
    worker.parent().kill()
    asked.join()
    worker.wait(timeout=PATIENCE_SECONDS)


def _ask_and_be_stopped(begun: Path) -> None:
    with pytest.raises(WorkError, match="SIGKILL"):
        ask("base.work_to_do:pass_on", {"begun": str(begun)}, seconds=PATIENCE_SECONDS)

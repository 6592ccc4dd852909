from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib import errors
from midrib.errors import MidribError, MissingExtraError, OverloadedError

_TREE_LINE = re.compile(r"[ │├└─]*(\w+) +exit (\d+) +http (\d+)")


def _tree(cls: type[MidribError]) -> Iterator[type[MidribError]]:
    yield cls
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child)


def test_drawn_tree_is_the_tree() -> None:
    """The tree drawn in the module names every error with its exit code and HTTP status."""
    drawn = {
        match[1]: (int(match[2]), int(match[3]))
        for match in map(_TREE_LINE.search, (errors.__doc__ or "").splitlines())
        if match
    }
    assert drawn == {cls.__name__: (cls.exit_code, cls.http_status) for cls in _tree(MidribError)}


def test_says_what_came_what_was_expected_and_what_to_do() -> None:
    """The message is the three clauses in order."""
    problem = MidribError("the sky fell", expected="a sky above", todo="look up")
    assert str(problem) == "the sky fell; expected a sky above; look up"


@given(st.text(), st.text(), st.text())
def test_message_is_one_line(came: str, expected: str, todo: str) -> None:
    """Whatever a library put into a clause, the message stays on one line."""
    problem = MidribError(came, expected=expected, todo=todo)
    assert len(str(problem).splitlines()) <= 1


def test_record_carries_every_clause() -> None:
    """The JSON record holds the kind of error and each clause by itself."""
    assert errors.DatasetError("a", expected="b", todo="c").as_record() == {
        "error": "DatasetError",
        "came": "a",
        "expected": "b",
        "todo": "c",
    }


def test_missing_extra_names_the_command() -> None:
    """A part that is not installed comes with the command that installs it."""
    assert "pip install 'midrib[openvino]'" in str(MissingExtraError("OpenVINO", extra="openvino"))


def test_overload_says_when_to_come_back() -> None:
    """An overload carries the seconds after which to try again."""
    assert OverloadedError("full", retry_after_seconds=7).retry_after_seconds == 7


def test_user_interruption_is_no_keyboard_interrupt() -> None:
    """Ctrl-C is reported like any other error, with the shell's exit code for it."""
    with pytest.raises(MidribError) as caught:
        raise errors.InterruptedByUser("stopped")
    assert caught.value.exit_code == 130

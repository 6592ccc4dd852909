from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.cli.console import ConsoleReporter, show
from midrib.printable import printable, printable_json

TEXTS = st.text() | st.text(st.characters(max_codepoint=0x2070))
HOSTILE = "a\nb\r\x1b[2J\x9b1m\u202egnp.\udcff"


@given(TEXTS)
def test_nothing_controls_the_terminal(text: str) -> None:
    """No text begins a line, moves the cursor or turns the rest around; every script stays."""
    shown = printable(text)
    assert all(unicodedata.category(each) not in {"Cc", "Cs", "Zl", "Zp"} for each in shown)
    assert printable(shown) == shown
    kept = [each for each in text if unicodedata.category(each)[0] in "LMNPS"]
    written_out = iter(shown)
    assert all(each in written_out for each in kept)


@given(st.dictionaries(TEXTS, st.lists(TEXTS)))
def test_json_says_the_same(value: dict[str, list[str]]) -> None:
    """What was written out is read back as it was, indented or not."""
    for indent in (None, 2):
        text = printable_json(value, indent=indent)
        assert json.loads(text) == value
        assert text.encode()


def test_scripts_and_emoji_are_shown_as_they_are() -> None:
    """What joins letters in Persian or in an emoji is no control character."""
    for name in ("梨の木", "می\u200cخواهم", "👩\u200d🌾", "שלום", "Größe"):
        assert printable(name) == name


class Named:
    """A result about a file with a hostile name."""

    def as_record(self) -> dict[str, object]:
        return {"path": HOSTILE}

    def lines(self) -> list[str]:
        return [HOSTILE]


def test_what_a_verb_prints_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Results, news and bars print a hostile name as visible text; JSON holds it exactly."""
    show(Named(), as_json=False)
    assert capsys.readouterr().out == "a\\nb\\r\\x1b[2J\\x9b1m\\u202egnp.\\udcff\n"
    show(Named(), as_json=True)
    told = capsys.readouterr().out
    assert json.loads(told) == Named().as_record()
    reporter = ConsoleReporter()
    reporter.say(HOSTILE)
    with reporter.bar(f"unpack [/b]{HOSTILE}.zip") as advance:
        advance(1, 1, HOSTILE)
    said = capsys.readouterr().err
    assert "[/b]a\\nb" in said
    for text in (told, said):
        assert not set(HOSTILE) & set(text) & {"\x9b", "\u202e", "\udcff"}

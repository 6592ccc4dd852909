from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.errors import UnknownNameError, UsageError
from midrib.names import Registry, nearest, unknown_name

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)


@pytest.fixture
def colours() -> Registry[int]:
    registry: Registry[int] = Registry("colour")
    for number, name in enumerate(["red", "green", "blue"]):
        registry.register(name)(number)
    return registry


def test_gives_what_a_name_stands_for(colours: Registry[int]) -> None:
    """A registered name answers, and names come in the order of the alphabet."""
    assert colours.get("green") == 1
    assert list(colours) == ["blue", "green", "red"]
    assert "red" in colours
    assert "pink" not in colours


def test_refuses_a_name_twice(colours: Registry[int]) -> None:
    """A second thing under a taken name is refused."""
    with pytest.raises(UsageError, match="two colour entries are called 'red'"):
        colours.register("red")(9)


def test_unknown_name_gets_the_nearest(colours: Registry[int]) -> None:
    """An unknown name is answered with the one that was probably meant."""
    with pytest.raises(UnknownNameError, match=r"unknown colour 'gren'.*did you mean 'green'"):
        colours.get("gren")


def test_unknown_name_without_a_near_one_gets_the_list(colours: Registry[int]) -> None:
    """A name that resembles none is answered with all of them."""
    with pytest.raises(UnknownNameError, match="one of: blue, green, red; choose one of them"):
        colours.get("xyzzy")


def test_says_so_when_there_is_nothing_to_choose_from() -> None:
    """Where nothing exists yet the error does not offer an empty list."""
    assert "make a model first" in str(unknown_name("model", "cats", []))


def test_long_lists_are_cut() -> None:
    """The error stays readable however many names there are."""
    assert "…" in str(unknown_name("model", "zz", [f"m{n}" for n in range(100)]))


def test_the_nearest_of_a_long_list_come_first() -> None:
    """What begins with the name that was typed is told before the alphabet, each name once."""
    known = [*(f"a{n}" for n in range(50)), "mobile-v1", "mobile-v2", "mobile-v2"]
    problem = unknown_name("model", "Mobile", known)
    assert problem.expected.startswith("one of: mobile-v1, mobile-v2, a0, ")
    assert problem.todo == "did you mean 'mobile-v1' or 'mobile-v2'?"


def test_a_part_of_a_name_finds_it() -> None:
    """What somebody remembers of the middle or the end of a name is enough; two letters are not."""
    known = ["efficientnet-b1", "efficientnet-lite1", "litelet", "resnet18"]
    assert nearest("Lite1", known)[0] == "efficientnet-lite1"
    assert nearest("lite", known)[:2] == ["litelet", "efficientnet-lite1"]
    assert nearest("18", known) == []


@given(name=NAMES, known=st.lists(NAMES, max_size=20))
def test_nearest_only_offers_what_exists(name: str, known: list[str]) -> None:
    """Every suggestion is a known name, spelled as it is known."""
    assert set(nearest(name, known)) <= set(known)


@given(known=st.lists(NAMES, min_size=1, max_size=20, unique_by=str.lower), data=st.data())
def test_nearest_ignores_case(known: list[str], data: st.DataObject) -> None:
    """A name in the wrong case is found first."""
    name = data.draw(st.sampled_from(known))
    assert nearest(name.swapcase(), known)[0] == name


def test_third_parties_enter_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colours: Registry[int]
) -> None:
    """An installed distribution's entry point is a name like any other."""
    described = tmp_path / "paint-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: paint\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[midrib.colour]\nmauve = paint_shop:MAUVE\n")
    (tmp_path / "paint_shop.py").write_text("MAUVE = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert colours.get("mauve") == 42


def test_an_entry_point_that_does_not_work_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colours: Registry[int]
) -> None:
    """A package whose module cannot be imported is named with the reason."""
    described = tmp_path / "spilt-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: spilt\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[midrib.colour]\npuce = spilt_paint:PUCE\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"colour 'puce' of spilt_paint:PUCE cannot be loaded"):
        colours.get("red")

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from midrib.config import Config, canonical_json, fingerprint
from midrib.errors import ConfigError, StorageError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Kettle(Config):
    degrees: float = Field(default=100.0, gt=0, le=100)
    whistles: bool = True
    name: str = "kettle"


def test_unknown_option_gets_the_nearest() -> None:
    """A misspelt option is refused with the one that was probably meant."""
    with pytest.raises(ConfigError, match=r"unknown option 'degree'.*did you mean 'degrees'\?"):
        Kettle(degree=50)


def test_value_that_does_not_fit_is_named() -> None:
    """A value out of bounds is refused with its name, itself and the bound."""
    with pytest.raises(ConfigError, match=r"'degrees' of Kettle is 120.*less than or equal to 100"):
        Kettle(degrees=120)


def test_never_changes() -> None:
    """Options are frozen once made."""
    kettle = Kettle()
    with pytest.raises(ValueError, match="frozen"):
        setattr(kettle, "degrees", 50)  # noqa: B010 - a type checker would refuse the plain way


def test_every_option_is_explained_from_its_docstring() -> None:
    """A field's docstring becomes its description, for help and documentation."""

    class Explained(Config):
        speed: int = 1
        """In furlongs per fortnight."""

    assert Explained.model_fields["speed"].description == "In furlongs per fortnight."


@given(
    st.builds(
        Kettle,
        degrees=st.floats(0.001, 100),
        whistles=st.booleans(),
        name=st.text(st.characters(codec="utf-8")),
    )
)
def test_saved_options_load_equal(tmp_path_factory: pytest.TempPathFactory, kettle: Kettle) -> None:
    """What was saved is what is loaded."""
    path = tmp_path_factory.mktemp("config") / "kettle.json"
    kettle.save(path)
    assert Kettle.load(path) == kettle


def test_loads_toml(tmp_path: Path) -> None:
    """A .toml file is as good as a .json file."""
    (tmp_path / "kettle.toml").write_text("degrees = 60\nwhistles = false\n")
    assert Kettle.load(tmp_path / "kettle.toml") == Kettle(degrees=60, whistles=False)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("kettle.json", "{", "cannot be read"),
        ("kettle.toml", "degrees =", "cannot be read"),
        ("kettle.json", "[1]", "holds a list"),
        ("kettle.json", '{"degres": 1}', "did you mean 'degrees'"),
    ],
)
def test_broken_file_is_a_config_error(tmp_path: Path, name: str, text: str, said: str) -> None:
    """A file that is broken or does not fit is refused in one sentence."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        Kettle.load(tmp_path / name)


def test_file_that_is_no_text_is_a_config_error(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are refused like any broken file."""
    (tmp_path / "kettle.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        Kettle.load(tmp_path / "kettle.json")


def test_missing_file_is_a_config_error(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(ConfigError, match=r"kettle\.json does not exist"):
        Kettle.load(tmp_path / "kettle.json")


def test_folder_is_a_config_error(tmp_path: Path) -> None:
    """A folder in the place of a file is refused in one sentence."""
    with pytest.raises(ConfigError, match="cannot be read"):
        Kettle.load(tmp_path)


def test_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    """Saving below a file, where no folder can be, is refused."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        Kettle().save(tmp_path / "file" / "kettle.json")


def test_diff_names_what_changed() -> None:
    """A difference is told by option, with both values."""
    assert Kettle(degrees=60).diff(Kettle(name="pot")) == {
        "degrees": (60.0, 100.0),
        "name": ("kettle", "pot"),
    }


def test_later_sources_win() -> None:
    """A value given outright wins over an assignment, which wins over the default."""
    kettle = Kettle.resolve(None, ["degrees=70", "name = pot"], {"degrees": 80, "whistles": None})
    assert kettle == Kettle(degrees=80, name="pot")


def test_assignments_win_over_the_file(tmp_path: Path) -> None:
    """An assignment changes one option of a file and keeps the others."""
    Kettle(degrees=60, name="pot").save(tmp_path / "kettle.json")
    kettle = Kettle.resolve(tmp_path / "kettle.json", ["whistles=false"], {})
    assert kettle == Kettle(degrees=60, name="pot", whistles=False)


def test_assignment_without_equals_is_refused() -> None:
    """A text that assigns nothing is refused with the form it should have."""
    with pytest.raises(ConfigError, match="write --set degrees=VALUE"):
        Kettle.resolve(None, ["degrees"], {})


@given(JSON)
def test_canonical_json_is_json(value: object) -> None:
    """The canonical form reads back as the same value."""
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), JSON, min_size=2, max_size=6), st.randoms())
def test_fingerprint_does_not_depend_on_order(table: dict[str, object], random: object) -> None:
    """Equal tables have equal fingerprints whatever order their keys came in."""
    keys = list(table)
    random.shuffle(keys)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random
    assert fingerprint({key: table[key] for key in keys}) == fingerprint(table)


def test_fingerprint_tells_options_apart() -> None:
    """Each option counts in the fingerprint."""
    variants = [Kettle(), Kettle(degrees=1), Kettle(whistles=False), Kettle(name="pot")]
    assert len({kettle.fingerprint() for kettle in variants}) == len(variants)

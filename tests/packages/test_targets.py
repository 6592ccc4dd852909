from __future__ import annotations

from pathlib import Path

import pytest
from tiny_package import make_tiny_package

from midrib.errors import UnknownNameError, UsageError
from midrib.packages import FolderTarget, NameTarget, parse_target


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cells", NameTarget("cells")),
        ("cells@3", NameTarget("cells", 3)),
        ("cells/", NameTarget("cells")),
        ("here/cells", FolderTarget(Path("here/cells"))),
        ("./cells", FolderTarget(Path("./cells"))),
        ("/cells/", FolderTarget(Path("/cells"))),
    ],
)
def test_a_path_means_a_folder_and_all_else_a_name(
    text: str, meant: FolderTarget | NameTarget
) -> None:
    """Whatever has a slash before its end is a path; a slash at the end says nothing."""
    assert parse_target(text) == meant


def test_a_folder_of_pictures_means_the_model_trained_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is no package leaves its name to the published model."""
    (tmp_path / "cells" / "good").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert parse_target("cells") == NameTarget("cells")


def test_a_package_and_a_run_in_the_current_folder_are_meant_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run's folder means the package inside."""
    monkeypatch.chdir(tmp_path)
    make_tiny_package(tmp_path / "cells")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").touch()
    assert parse_target("cells") == FolderTarget(Path("cells"))
    assert parse_target("run") == FolderTarget(Path("run/package"))


@pytest.mark.parametrize("number", ["", "x", "-1", "1.0", "9" * 30])
def test_refuses_what_is_no_version(number: str) -> None:
    """What stands after '@' must be a whole number that a database can hold."""
    with pytest.raises(UnknownNameError, match="is not a version of 'cells'"):
        parse_target(f"cells@{number}")


def test_refuses_what_no_model_can_be_called() -> None:
    """A name that could never have been published is refused before a database is asked."""
    with pytest.raises(UsageError, match="cannot be the name of a model"):
        parse_target("Cells of mine")

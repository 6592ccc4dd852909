from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from pages import ROOT

from midrib.errors import MissingExtraError
from midrib.extras import EXTRAS, missing_extra, missing_modules, require_extra


@pytest.mark.parametrize("extra", list(EXTRAS))
def test_table_is_what_the_distribution_declares(extra: str) -> None:
    """Every requirement of an extra is in the table, under the name of its module."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        requirement.partition(">")[0]
        for requirement in declared["optional-dependencies"][extra]
        if not requirement.startswith("midrib[")
    }
    brought_by = packages_distributions()
    for module in EXTRAS[extra]:
        assert {each.lower().replace("_", "-") for each in brought_by[module]} & wanted, module
    assert len(EXTRAS[extra]) == len(wanted)


def test_installed_extra_lacks_nothing() -> None:
    """With everything installed nothing is missing, and whoever requires it goes on."""
    for extra in EXTRAS:
        assert missing_modules(extra) == []
        require_extra("a test", extra)


def test_foreign_module_belongs_to_no_extra() -> None:
    """A module that no extra brings is not blamed on one."""
    assert missing_extra("a test", ModuleNotFoundError("gone", name="of_somebody_else")) is None


def test_part_of_a_module_belongs_to_its_extra() -> None:
    """A missing sub-module counts for the extra of the whole."""
    found = missing_extra("a test", ModuleNotFoundError("gone", name="torch.nn"))
    assert isinstance(found, MissingExtraError)
    assert found.extra == "lab"


def test_verb_of_the_lab_without_it_names_the_extra() -> None:
    """In a field installation Python's verbs of the lab say what to install."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import midrib\n"
        "from midrib.errors import MissingExtraError\n"
        "for verb in ('train', 'evaluate', 'export', 'show_backbone'):\n"
        "    try: getattr(midrib, verb)('resnet18')\n"
        "    except MissingExtraError as error: print(error)\n"
        "try: midrib.compare_backbones(['resnet18'])\n"
        "except MissingExtraError as error: print(error)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    told = finished.stdout.splitlines()
    assert len(told) == 5
    assert all("(torch)" in line and "pip install 'midrib[lab]'" in line for line in told)

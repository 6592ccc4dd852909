"""House rules that machinery holds, where linters cannot see."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pages import DOCS, ROOT

import midrib
from docs.generate import walk_errors
from midrib import errors
from midrib.errors import MidribError, UnknownNameError
from midrib.names import Registry

SOURCE = ROOT / "src" / "midrib"
TESTS = ROOT / "tests"
FIELD = ("packages", "engines", "monitoring", "serving", "state", "datasets", "pipeline")
HEAVY = ("torch", "timm", "mlflow", "tensorflow", "matplotlib")
SLOW_FOR_HELP = {"numpy", "pydantic", "torch", "PIL", "sqlalchemy", "granian", "rich.progress"}
ROOMS = sorted(
    f"midrib.{room.name}" for room in pkgutil.iter_modules(midrib.__path__) if room.ispkg
)
LEAST_TEST_FILES = 30


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The modules that a fresh interpreter has loaded once it has run ``code``."""
    asked = f"""
import atexit, json, sys
sys.argv[:] = ["midrib", *{list(arguments)!r}]
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules))))
{code}
"""
    finished = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    return set(json.loads(finished.stdout.splitlines()[-1]))


def trees(folder: Path) -> dict[Path, ast.Module]:
    """The syntax tree of every Python file below ``folder``."""
    return {path: ast.parse(path.read_text()) for path in sorted(folder.rglob("*.py"))}


def test_the_field_loads_no_lab() -> None:
    """A fresh interpreter that imports the field has loaded no part of the lab."""
    rooms = ", ".join(f"midrib.{room}" for room in FIELD)
    assert loaded_by(f"import {rooms}") & set(HEAVY) == set()


def test_midrib_itself_loads_nothing() -> None:
    """``import midrib`` loads none of its rooms: each verb is loaded on first use."""
    assert {name for name in loaded_by("import midrib") if name.startswith("midrib.")} == set()


def test_listing_backbones_loads_no_torch() -> None:
    """The built-in backbones are listed without torch, timm or anything else that is slow."""
    for arguments in (("backbones",), ("backbones", "--json", "--task", "classification")):
        found = loaded_by("from midrib.cli import main; main()", *arguments)
        assert found & set(HEAVY) == set()


@pytest.mark.parametrize(
    "verb",
    [
        (),
        ("train",),
        ("serve",),
        ("backbones",),
        ("data",),
        ("data", "check"),
        ("backbones", "compare"),
    ],
    ids=["midrib", "train", "serve", "backbones", "data", "data check", "compare"],
)
def test_help_loads_nothing_slow(verb: tuple[str, ...]) -> None:
    """Help is answered without numbers, options, pictures, databases or progress bars."""
    found = loaded_by("from midrib.cli import main; main()", *verb, "--help")
    assert found & SLOW_FOR_HELP == set()


@pytest.mark.parametrize("room", ROOMS)
def test_all_is_true(room: str) -> None:
    """``__all__`` of a room names what is there and all that its ``__init__`` brings in."""
    module = importlib.import_module(room)
    exported = getattr(module, "__all__", [])
    assert len(exported) == len(set(exported))
    for name in exported:
        getattr(module, name)
    brought = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and getattr(value, "__module__", "").startswith(f"{room}.")
    }
    assert brought <= set(exported)


@pytest.mark.parametrize("room", ["midrib", *ROOMS])
def test_what_a_room_exports_is_explained(room: str) -> None:
    """Every exported function and class says what it does."""
    module = importlib.import_module(room)
    silent = [
        name
        for name in getattr(module, "__all__", [])
        if inspect.isroutine(value := getattr(module, name)) or inspect.isclass(value)
        if not _own_docstring(value)
    ]
    assert silent == []


def _own_docstring(value: Any) -> str:
    """What stands in the source: dataclasses are given a docstring of their signature."""
    written = (vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__) or ""
    return "" if written.startswith(f"{value.__name__}(") else written


def test_unknown_names_get_the_nearest() -> None:
    """Every registry of the house refuses a misspelt name with the one that was meant."""
    for module in pkgutil.walk_packages(midrib.__path__, "midrib."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    held = [
        value
        for name, module in list(sys.modules.items())
        if name.startswith("midrib.")
        for value in vars(module).values()
    ]
    registries = {id(value): value for value in held if isinstance(value, Registry)}.values()
    assert len({each.kind for each in registries}) > 8
    for registry in registries:
        known = next(iter(registry))
        with pytest.raises(UnknownNameError) as caught:
            registry.get(f"{known}x")
        assert f"'{known}'" in caught.value.todo, registry.kind
        assert registry.kind in caught.value.came


def test_every_error_is_on_its_page() -> None:
    """docs/errors.md has every class of error with its codes, and explains every exit code."""
    page = (DOCS / "errors.md").read_text()
    for _, kind in walk_errors(MidribError):
        line = next(line for line in page.splitlines() if line.split()[:1] == [kind.__name__])
        assert line.split()[1:] == ["exit", str(kind.exit_code), "HTTP", str(kind.http_status)]
        assert f"\n| {kind.exit_code} | " in page


def test_error_tree_in_the_docstring_is_true() -> None:
    """The tree at the head of errors.py has every class with its codes."""
    drawn = {
        words[0].strip("│├└─ "): words[1:5]
        for line in (errors.__doc__ or "").splitlines()
        if " exit " in line and (words := line.strip("│├└─ ").split())
    }
    assert drawn == {
        kind.__name__: ["exit", str(kind.exit_code), "http", str(kind.http_status)]
        for _, kind in walk_errors(MidribError)
    }


def test_tests_open_with_a_sentence() -> None:
    """The first line of every test's docstring is one sentence of behaviour."""
    files = {path: tree for path, tree in trees(TESTS).items() if path.name.startswith("test_")}
    contracts = trees(SOURCE / "testing")
    assert len(files) > LEAST_TEST_FILES
    faults = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, tree in {**files, **contracts}.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
        if not _is_sentence(ast.get_docstring(node))
    ]
    assert faults == []


def _is_sentence(docstring: str | None) -> bool:
    """Whether the first paragraph ends as a sentence and begins as one, or with a name of code."""
    words = (docstring or "").split("\n\n")[0].split()
    if not words or not words[-1].endswith("."):
        return False
    return not words[0].isalpha() or words[0][0].isupper()


def test_no_error_is_swallowed() -> None:
    """No handler catches everything without a name, and none does nothing at all."""
    faults = [
        f"{path.relative_to(ROOT)}:{handler.lineno}"
        for path, tree in trees(SOURCE).items()
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler)
        if handler.type is None or all(isinstance(each, ast.Pass) for each in handler.body)
    ]
    assert faults == []


def test_layers_hold() -> None:
    """Every import goes the way that the contracts of import-linter say."""
    program = Path(sys.executable).parent / "lint-imports"
    finished = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout


def test_every_test_file_has_a_name_of_its_own() -> None:
    """No two test modules share a name: pytest could not tell them apart in one run."""
    names = Counter(path.name for path in TESTS.rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []

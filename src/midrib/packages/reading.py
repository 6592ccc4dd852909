"""Open a model package. Needs neither the lab nor an inference engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from midrib.config import Config
from midrib.errors import ConfigError, PackageError
from midrib.packages.card import Card, Variant
from midrib.packages.manifest import read_manifest
from midrib.packages.reference import Reference
from midrib.packages.sample_answers import ANSWERS_FILE, SampleAnswer, read_answer

C = TypeVar("C", bound=Config)

CARD_FILE = "model.json"
REFERENCE_FILE = "reference.json"
SAMPLES_FOLDER = "samples"


@dataclass(frozen=True)
class Sample:
    """One encoded picture and the answer that the lab got for it."""

    file: str
    data: bytes
    answer: SampleAnswer


@dataclass(frozen=True)
class Package:
    """A model package on disk. ``card`` is read at once, the rest on first use."""

    folder: Path
    card: Card

    @cached_property
    def reference(self) -> Reference:
        """Reference statistics. Raises ``PackageError``."""
        return _read_as(Reference, self.folder / REFERENCE_FILE)

    @cached_property
    def samples(self) -> list[Sample]:
        """Inputs with the answers the lab got. Raises ``PackageError``."""
        folder = self.folder / SAMPLES_FOLDER
        return [
            Sample(name, _read(folder / Path(name).name), read_answer(self.card, name, answer))
            for name, answer in _json_table(folder / ANSWERS_FILE).items()
        ]

    @cached_property
    def manifest(self) -> dict[str, str]:
        """Relative path to promised SHA-256. Raises ``PackageError``."""
        return read_manifest(self.folder)

    def file(self, variant: Variant) -> Path:
        """Where the variant's model file lies. Raises ``PackageError`` when it is not listed."""
        if variant.file not in self.manifest:
            raise PackageError(
                f"{variant.file} is not in the manifest of {self.folder}",
                expected="every variant's file to be listed",
                todo="export the package again",
            )
        return self.folder / variant.file


def open_package(folder: Path) -> Package:
    """Open the package in ``folder``. Raises ``PackageError`` when it is not one."""
    if not folder.is_dir():
        raise PackageError(
            f"{folder} is not a folder",
            expected="a model package",
            todo="give the folder that 'midrib train' or 'midrib export' named",
        )
    read_manifest(folder)
    return Package(folder=folder, card=_read_as(Card, folder / CARD_FILE))


def _read_as(kind: type[C], path: Path) -> C:
    table = _json_table(path)
    try:
        return kind(**table)
    except ConfigError as problem:
        raise PackageError(
            f"{path} does not fit: {problem.came}",
            expected=problem.expected,
            todo=f"{problem.todo} (or use the midrib that made the package)",
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise PackageError(
            f"{path} cannot be read: {problem}",
            expected="a whole model package",
            todo="get the package again from where it came",
        ) from None


def _json_table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(_read(path))
    except (ValueError, RecursionError) as problem:
        raise PackageError(
            f"{path} cannot be read: {problem}",
            expected="a whole model package",
            todo="get the package again from where it came",
        ) from None
    if not isinstance(table, dict):
        raise PackageError(
            f"{path} holds a {type(table).__name__}",
            expected="a JSON object",
            todo="get the package again from where it came",
        )
    return table

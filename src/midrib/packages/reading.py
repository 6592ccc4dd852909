"""Open a model package. Needs neither the lab nor an inference engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from midrib.errors import MidribError, PackageError
from midrib.packages.card import Card, Variant
from midrib.packages.manifest import read_manifest
from midrib.packages.reference import Reference

CARD_FILE = "model.json"
REFERENCE_FILE = "reference.json"
SAMPLES_FOLDER = "samples"
ANSWERS_FILE = "answers.json"


@dataclass(frozen=True)
class Sample:
    """One encoded picture and the probabilities that the lab got for it, in label order."""

    file: str
    data: bytes
    answer: list[float]


@dataclass(frozen=True)
class Package:
    """A model package on disk. ``card`` is read at once, the rest on first use."""

    folder: Path
    card: Card

    @cached_property
    def reference(self) -> Reference:
        """Reference statistics. Raises ``PackageError``."""
        return Reference(**_json_table(self.folder / REFERENCE_FILE))

    @cached_property
    def samples(self) -> list[Sample]:
        """Inputs with the answers the lab got. Raises ``PackageError``."""
        folder = self.folder / SAMPLES_FOLDER
        answers = _json_table(folder / ANSWERS_FILE)
        return [
            Sample(file=name, data=(folder / Path(name).name).read_bytes(), answer=answer)
            for name, answer in answers.items()
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
    table = _json_table(folder / CARD_FILE)
    try:
        return Package(folder=folder, card=Card(**table))
    except MidribError as problem:
        raise PackageError(
            f"the card of {folder} does not fit: {problem.came}",
            expected=problem.expected or "a card that this midrib reads",
            todo="use the midrib that made the package, or export it again with this one",
        ) from None


def _json_table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError) as problem:
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

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
from midrib.records import Rle
from midrib.run_lengths import MaskError, runs_of

C = TypeVar("C", bound=Config)

SampleAnswer = list[float] | list[list[float]] | dict[str, Rle]
"""Probabilities in the order of the labels; of a detector a row an object: left, top, right and
bottom in pixels of the upright picture, score, and place of the class among the labels; of a
segmenter the mask of each class that the picture shows, but for background."""

_OBJECT_NUMBERS = 6
CARD_FILE = "model.json"
REFERENCE_FILE = "reference.json"
SAMPLES_FOLDER = "samples"
ANSWERS_FILE = "answers.json"


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
            Sample(name, _read(folder / Path(name).name), self._answer(name, answer))
            for name, answer in _json_table(folder / ANSWERS_FILE).items()
        ]

    def _answer(self, name: str, answer: object) -> SampleAnswer:
        if self.card.task == "detection":
            return self._objects(name, answer)
        if self.card.task == "segmentation":
            return self._masks(name, answer)
        classes = len(self.card.labels)
        return _numbers(name, answer, classes, f"{classes} probabilities, one a label")

    def _objects(self, name: str, answer: object) -> list[list[float]]:
        expected = "a list of objects: box, score and place of the class"
        if not isinstance(answer, list):
            raise _not_held(f"holds a {type(answer).__name__}", name, expected)
        rows = [_numbers(name, row, _OBJECT_NUMBERS, expected) for row in answer]
        for row in rows:
            if row[-1] not in range(len(self.card.labels)):
                raise _not_held(f"holds an object of class {row[-1]:g}", name, expected)
        return rows

    def _masks(self, name: str, answer: object) -> dict[str, Rle]:
        expected = "a mask of run lengths for each class, by its label"
        if not isinstance(answer, dict) or not answer.keys() <= set(self.card.labels):
            raise _not_held("holds no masks of the card's classes", name, expected)
        try:
            masks = {label: Rle.of(mask) for label, mask in answer.items()}
            for mask in masks.values():
                runs_of(mask)
        except (AttributeError, KeyError, TypeError, ValueError, MaskError) as problem:
            raise _not_held(f"holds a mask that is none ({problem})", name, expected) from None
        return masks

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


def _numbers(name: str, answer: object, count: int, expected: str) -> list[float]:
    if not isinstance(answer, list) or not all(isinstance(each, int | float) for each in answer):
        raise _not_held("holds no list of numbers", name, expected)
    if len(answer) != count:
        raise _not_held(f"holds {len(answer)} numbers", name, expected)
    return answer


def _not_held(what: str, name: str, expected: str) -> PackageError:
    return PackageError(
        f"{ANSWERS_FILE} {what} for {name}",
        expected=expected,
        todo="get the package again from where it came",
    )


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

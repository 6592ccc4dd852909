"""Write a model package: whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from midrib.errors import StorageError
from midrib.packages.card import Card
from midrib.packages.manifest import MANIFEST, compute_manifest, format_manifest
from midrib.packages.reading import (
    CARD_FILE,
    REFERENCE_FILE,
    SAMPLES_FOLDER,
    Package,
    Sample,
    open_package,
)
from midrib.packages.reference import Reference
from midrib.packages.sample_answers import ANSWERS_FILE, plain
from midrib.storage import folder_written_aside, write_json, write_text


@dataclass(frozen=True)
class PackageContent:
    """All that a package is made of.

    ``files``: path inside the package to where that variant's file lies now.
    """

    card: Card
    files: dict[str, Path]
    reference: Reference
    samples: list[Sample]


def write_package(content: PackageContent, target: Path) -> Package:
    """Write a package folder at ``target``, in place of an older one.

    Raises ``StorageError`` when the disk refuses or ``target`` holds anything but a package.
    """
    _require_replaceable(target)
    with folder_written_aside(target) as folder:
        for name, source in content.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
        (folder / SAMPLES_FOLDER).mkdir()
        for sample in content.samples:
            (folder / SAMPLES_FOLDER / sample.file).write_bytes(sample.data)
        answers = {sample.file: plain(sample.answer) for sample in content.samples}
        write_json(folder / SAMPLES_FOLDER / ANSWERS_FILE, answers)
        write_json(folder / REFERENCE_FILE, content.reference.model_dump(mode="json"))
        _finish(folder, content.card)
    return open_package(target)


def restamp_package(package: Package, card: Card, target: Path) -> Package:
    """Copy ``package`` to ``target`` under another card. Raises as `write_package` does."""
    _require_replaceable(target)
    with folder_written_aside(target) as folder:
        for path in package.manifest:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package.folder / path, folder / path)
        _finish(folder, card)
    return open_package(target)


def _require_replaceable(target: Path) -> None:
    """Someone's pictures are not replaced by a package because of a mistyped path."""
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise StorageError(
            f"{target} holds other files than a model package",
            expected="an older package, an empty folder or nothing there",
            todo="choose another path",
        )


def _finish(folder: Path, card: Card) -> None:
    write_json(folder / CARD_FILE, card.model_dump(mode="json"))
    write_text(folder / MANIFEST, format_manifest(compute_manifest(folder)))

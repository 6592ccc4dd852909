"""``manifest.sha256``: every file of a package and its hash, as ``sha256sum --check`` reads it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from midrib.errors import PackageError
from midrib.storage import file_sha256

MANIFEST = "manifest.sha256"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


def compute_manifest(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256 of each file below ``folder`` but the manifest itself.

    Raises ``PackageError`` for a link: a package points nowhere outside itself.
    """
    hashes = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise PackageError(
                f"{relative} in {folder} is a link",
                expected="plain files only",
                todo="get the package again from where it came",
            )
        if path.is_file() and relative != MANIFEST:
            hashes[relative] = file_sha256(path)
    return hashes


def format_manifest(hashes: dict[str, str]) -> str:
    """The manifest's text, one ``<hash>  <path>`` a line."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items()))


def read_manifest(folder: Path) -> dict[str, str]:
    """Relative path to promised SHA-256. Raises ``PackageError`` when missing or malformed."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PackageError(
            f"{folder} has no readable {MANIFEST}",
            expected="a whole model package",
            todo="give the folder that 'midrib train' or 'midrib export' named",
        ) from None
    hashes = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or not _stays_inside(match[2]):
            raise PackageError(
                f"{MANIFEST} of {folder} has the line {line!r}",
                expected="'<64 hex digits>  <path inside the package>'",
                todo="get the package again from where it came",
            )
        hashes[match[2]] = match[1]
    return hashes


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\\" not in path

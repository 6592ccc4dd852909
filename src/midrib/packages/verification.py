"""Whether a package is what it was when it was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midrib.errors import PackageError
from midrib.packages.manifest import compute_manifest
from midrib.packages.reading import Package, open_package
from midrib.preprocessing import require_implemented


@dataclass(frozen=True)
class Verdict:
    """What was checked."""

    name: str
    version: int | None
    files: int
    bytes: int


def verify_package(package: Package | Path) -> Verdict:
    """Hash every file and compare with the manifest; check the preprocessing hash.

    Raises ``PackageError`` naming the first file that is changed, missing or not listed.
    """
    if isinstance(package, Path):
        package = open_package(package)
    promised, found = package.manifest, compute_manifest(package.folder)
    for path in sorted(promised.keys() | found.keys()):
        if path not in found:
            fault = "is missing"
        elif path not in promised:
            fault = "is not in the manifest"
        elif found[path] != promised[path]:
            fault = f"has the hash {found[path][:12]}…"
        else:
            continue
        raise PackageError(
            f"{path} in {package.folder} {fault}",
            expected=f"the hash {promised[path][:12]}…"
            if path in promised
            else "only listed files",
            todo="do not use this package; get it again from where it came",
        )
    require_implemented(package.card.preprocessing, package.card.preprocessing_hash)
    return Verdict(
        name=package.card.name,
        version=package.card.version,
        files=len(found),
        bytes=sum((package.folder / path).stat().st_size for path in found),
    )

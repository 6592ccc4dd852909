"""Names and sizes from an archive or a bucket, checked before anything is written under them."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from midrib.datasets.sources.limits import SourceLimits
from midrib.errors import DatasetError, StorageError

_LONGEST_NAME = 1024
_LONGEST_PART = 255  # bytes; file systems take no more
_DEEPEST = 64
_DROPPINGS = "__MACOSX"
"""What macOS adds to every zip; it would read as a class."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder as an archive or bucket tells it; ``size`` in bytes, unpacked."""

    name: str
    size: int = 0
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A member whose name is safe: ``parts`` lead from the new folder to it."""

    member: Member
    parts: tuple[str, ...]


class Checker:
    """Refuses names that leave the folder or clash, and more files or bytes than bounds allow.

    Args:
        where: what holds the members, for errors.
        limits: the bounds.
        packed_bytes: what all members take in an archive; None where nothing is packed.
    """

    def __init__(self, where: str, limits: SourceLimits, packed_bytes: int | None = None) -> None:
        self._where = where
        self._limits = limits
        self._packed_bytes = packed_bytes
        self._spelled: dict[str, str] = {}
        self.files = 0
        self.bytes = 0

    def check(self, members: Iterable[Member]) -> Iterator[Checked]:
        """Each member that is to be written. Raises ``DatasetError`` at the first bad one."""
        for member in members:
            self._count(member)
            parts = self._safe_parts(member.name)
            if parts and parts[0] != _DROPPINGS:
                self._require_new(parts, member)
                yield Checked(member, parts)

    def require_room(self, folder: Path) -> None:
        """Raise ``StorageError`` unless the disk of ``folder`` has room for what was checked."""
        free = shutil.disk_usage(folder).free
        if free < self.bytes:
            raise StorageError(
                f"{self._where} needs {self.bytes:,} bytes",
                expected=f"at most the {free:,} that are free on the disk of {folder}",
                todo="free some space, or set MIDRIB_HOME to a larger disk",
            )

    def _count(self, member: Member) -> None:
        self.files += 1
        self.bytes += max(member.size, 0)
        limits = self._limits
        if self.files > limits.max_files:
            raise self._refusal("more files than allowed", f"at most {limits.max_files:,}")
        if member.size < 0 or self.bytes > limits.max_bytes:
            raise self._refusal("more bytes than allowed", f"at most {limits.max_bytes:,}")
        if self._packed_bytes is not None and self.bytes > limits.small_bytes:
            ratio = self.bytes / max(self._packed_bytes, 1)
            if ratio > limits.max_ratio:
                expected = f"at most {limits.max_ratio:g} times its {self._packed_bytes:,} bytes"
                raise self._refusal(f"{self.bytes:,} bytes and more", expected)

    def _safe_parts(self, name: str) -> tuple[str, ...]:
        shown = f"a file called {name[:80]!r}"
        if "\0" in name or "\\" in name:
            raise self._refusal(shown, "names without NUL and backslash")
        if name.startswith("/") or PureWindowsPath(name).drive:
            raise self._refusal(shown, "names relative to it, none absolute")
        parts = tuple(part for part in name.split("/") if part not in {"", "."})
        if ".." in parts:
            raise self._refusal(shown, "names without '..'")
        lengths = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
        if len(parts) > _DEEPEST or sum(lengths) > _LONGEST_NAME:
            raise self._refusal(shown, f"names of {_LONGEST_NAME} bytes and {_DEEPEST} folders")
        if max(lengths, default=0) > _LONGEST_PART:
            raise self._refusal(shown, f"names of at most {_LONGEST_PART} bytes a folder or file")
        return parts

    def _require_new(self, parts: tuple[str, ...], member: Member) -> None:
        """Refuse a second file of a name, spelled alike or differing in case alone."""
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts) or member.is_folder
            # The final slash keeps a file apart from a folder of its name.
            spelled = "/".join(parts[:depth]) + "/" * is_folder
            folded = _folded("/".join(parts[:depth]))
            known = self._spelled.get(folded)
            if known is None:
                self._spelled[folded] = spelled
            elif known != spelled:
                raise self._refusal(
                    f"both {known!r} and {spelled!r}",
                    "names that differ in more than case, since many disks do not tell them apart",
                )
            elif not is_folder:
                raise self._refusal(f"{spelled!r} twice", "each name once")

    def _refusal(self, came: str, expected: str) -> DatasetError:
        return DatasetError(
            f"{self._where} holds {came}",
            expected=expected,
            todo="nothing was written; look into it, and name a folder with what you want of it",
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

"""The one door: what a user names, as a local folder or table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.request import url2pathname

from midrib.datasets.sources.archives import archive_kind, is_archive_name, without_suffix
from midrib.datasets.sources.limits import SourceLimits
from midrib.datasets.sources.protocols import LOCAL, is_url, protocol_of
from midrib.datasets.sources.unpacking import unpack_once
from midrib.downloads.opening import without_password
from midrib.errors import DatasetError
from midrib.reporting import SILENT, Reporter
from midrib.settings import Settings

_DEFAULT_LIMITS = SourceLimits()


@dataclass(frozen=True)
class Source:
    """Where pictures come from.

    ``named`` is what a user can name again, an absolute path or a URL without a password;
    ``path`` the local folder or file in which it is.
    """

    named: str
    path: Path

    @property
    def is_copy(self) -> bool:
        """Whether ``path`` is a copy in the home folder."""
        return self.named != str(self.path)


def open_source(
    source: str | Path,
    settings: Settings,
    *,
    limits: SourceLimits = _DEFAULT_LIMITS,
    reporter: Reporter = SILENT,
) -> Source:
    """A local folder or table for whatever a user names: folder, table, archive or URL.

    Args:
        source: a path, or a URL of any protocol that fsspec knows but those of the web.
        settings: where copies are kept, and whether the network may be asked.
        limits: bounds on what comes out of an archive or bucket.
        reporter: is told how far it is.

    Raises:
        DatasetError: there is nothing, or an archive that cannot be unpacked safely.
        UsageError: a URL that is not fetched.
        StorageError: a store or the disk refuses.
    """
    named = place_of(source)
    if is_url(named):
        from midrib.datasets.sources.buckets import fetch

        cache = settings.sources / "fetched"
        local = fetch(
            str(source), cache, offline=settings.offline, limits=limits, reporter=reporter
        )
    else:
        local = _existing(Path(named))
    if local.is_dir():
        return Source(named, local)
    return Source(named, _unpacked(local, settings, limits, reporter))


def place_of(source: str | Path) -> str:
    """An absolute path, all links followed, or a URL without password and final slash.

    Raises ``DatasetError`` for an empty name, which a variable that is not set leaves behind.
    """
    text = str(source)
    if not text.strip():
        raise DatasetError(
            f"the source is {text!r}",
            expected="a folder, an archive of one, a table with path and label, or a URL",
            todo="name it; '.' is the folder that you are in",
        )
    if not is_url(text):
        return str(Path(text).expanduser().resolve())
    if protocol_of(text) in LOCAL:
        return str(Path(url2pathname(text.partition("://")[2])).expanduser().resolve())
    return without_password(text).rstrip("/")


def source_name(source: str | Path) -> str:
    """What a source is called: the last part of its place, without a suffix; fit for a model."""
    place = place_of(source)
    last = place.rstrip("/").rpartition("/")[2]
    last = without_suffix(last) if is_archive_name(last) else Path(last).stem
    return re.sub(r"[^a-z0-9._-]+", "-", last.lower()).strip("-._") or "model"


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DatasetError(
            f"{path} does not exist",
            expected="a folder, an archive of one, a table with path and label, or a URL",
            todo="check the path",
        )
    if not (path.is_dir() or path.is_file()):
        raise DatasetError(
            f"{path} is neither a folder nor a file",
            expected="a folder, an archive of one, or a table with path and label",
            todo="write what it gives into a file, and name that",
        )
    return path


def _unpacked(file: Path, settings: Settings, limits: SourceLimits, reporter: Reporter) -> Path:
    """The folder that an archive holds; any other file as it is."""
    try:
        kind = archive_kind(file)
    except OSError as problem:
        raise DatasetError(
            f"{file} cannot be read: {problem.strerror or problem}",
            expected="a file that you may read",
            todo="check its permissions",
        ) from None
    if kind is None and is_archive_name(file.name):
        raise DatasetError(
            f"{file} is no archive, whatever its name says",
            expected="a zip or tar file",
            todo="copy it again",
        )
    if kind is None:
        return file
    with reporter.bar(f"unpack {file.name}") as advance:
        return unpack_once(
            file,
            kind,
            settings.sources / "unpacked",
            limits=limits,
            progress=lambda done, total: advance(done, total, ""),
        )

"""Pictures in a bucket, or wherever fsspec reaches: fetched into the home folder, file by file.

    objects/KEY      one file as it was, by name, size and what the store says of its state
    views/KEY/…      a folder of links to them: one state of the bucket

What is fetched is kept, so that a fetch that stopped goes on, and a changed bucket gives only
what is new.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from midrib.config import fingerprint
from midrib.datasets.sources.archives import is_archive_name
from midrib.datasets.sources.limits import SourceLimits
from midrib.datasets.sources.members import Checker, Member
from midrib.datasets.sources.protocols import file_system, refusal_of
from midrib.datasets.sources.unpacking import clear_asides
from midrib.downloads import download_bar
from midrib.downloads.opening import without_password
from midrib.errors import DatasetError, MidribError, StorageError
from midrib.reporting import Reporter
from midrib.storage import folder_written_aside, storage_errors, write_text, written_aside

_AT_ONCE = 16
_BATCH = 512
_LATEST = "latest.txt"
_KEY_DIGITS = 32
_STATE_FIELDS = frozenset(
    {
        *("etag", "md5hash", "generation", "checksum", "mtime", "created", "modified"),
        *("lastmodified", "last_modified", "updated", "version", "versionid", "crc32c"),
    }
)
"""What stores call that which changes when a file does."""


@dataclass(frozen=True)
class _Object:
    """A file of a bucket: ``remote`` in the store, ``parts`` below the source, ``size`` in bytes.

    ``key`` is None where the store says nothing that tells one state of a file from another.
    """

    remote: str
    parts: tuple[str, ...]
    size: int
    key: str | None


def fetch(
    url: str, cache: Path, *, offline: bool, limits: SourceLimits, reporter: Reporter
) -> Path:
    """What ``url`` names as a local folder, archive or table.

    A table is fetched with the folder in which it lies.

    Args:
        url: of a file or a folder, for a protocol that fsspec knows.
        cache: the folder in which copies are kept.
        offline: take the copy that was fetched last.
        limits: bounds on the number and size of files.
        reporter: is told how far it is.

    Raises:
        UnknownNameError: no such protocol.
        DatasetError: there is nothing, or names that cannot be written.
        StorageError: the store or the disk refuses, or a package is missing.
    """
    place = cache / fingerprint(url.rstrip("/"))[:_KEY_DIGITS]
    if offline and not url.startswith("memory:"):
        return _fetched_before(url, place)
    files, root = file_system(url)
    try:
        folder, file = _folder_and_file(files, root)
        listing = _listing(files, folder, file)
    except FileNotFoundError:
        raise _nothing(url) from None
    except Exception as problem:  # each store raises errors of its own library
        raise refusal_of(url, problem) from problem
    objects = list(_objects(url, folder, listing, limits, cache))
    if not objects:
        raise _nothing(url)
    with storage_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / "lock"):
            view = _view(url, files, objects, place, reporter)
            found = (
                view.joinpath(*file.removeprefix(folder).strip("/").split("/")) if file else view
            )
            write_text(place / _LATEST, found.relative_to(place).as_posix())
    return found


def _fetched_before(url: str, place: Path) -> Path:
    try:
        return place / (place / _LATEST).read_text(encoding="utf-8")
    except OSError:
        raise StorageError(
            f"MIDRIB_OFFLINE is set and {without_password(url)} is not here yet",
            expected="pictures that were fetched before",
            todo="unset MIDRIB_OFFLINE once, or name a local folder",
        ) from None


def _folder_and_file(files: Any, root: str) -> tuple[str, str | None]:
    """The folder to list, and the file that was named, if it was one."""
    files.invalidate_cache()
    if files.info(root)["type"] == "file":
        return str(files._parent(root)), root  # noqa: SLF001 - fsspec names it nowhere else
    return root.rstrip("/"), None


def _listing(files: Any, folder: str, file: str | None) -> Mapping[str, Mapping[str, Any]]:
    """Every file below ``folder`` by its name; of an archive, only itself."""
    if file is not None and is_archive_name(file):
        return {file: files.info(file)}
    found: Mapping[str, Mapping[str, Any]] = files.find(folder, detail=True)
    return found


def _objects(
    url: str,
    folder: str,
    listing: Mapping[str, Mapping[str, Any]],
    limits: SourceLimits,
    cache: Path,
) -> Iterator[_Object]:
    """What is to be fetched, names checked. Raises ``DatasetError`` and ``StorageError``."""
    prefix = folder.rstrip("/") + "/"
    # Stores without folders mark them by an empty file whose name ends in a slash.
    remotes = [name for name in sorted(listing) if not name.endswith("/")]
    told = {name.removeprefix(prefix): name for name in remotes}
    members = [Member(name, _size(url, listing[remote])) for name, remote in told.items()]
    checker = Checker(without_password(url), limits)
    found = list(checker.check(members))
    cache.mkdir(parents=True, exist_ok=True)
    checker.require_room(cache)
    for each in found:
        remote = told[each.member.name]
        state = _state(listing[remote])
        key = fingerprint([remote, each.member.size, state])[:_KEY_DIGITS] if state else None
        yield _Object(remote, each.parts, each.member.size, key)


def _size(url: str, info: Mapping[str, Any]) -> int:
    size = info.get("size")
    if not isinstance(size, int):
        raise DatasetError(
            f"{without_password(url)} does not tell how large {info.get('name')} is",
            expected="a store that tells sizes",
            todo="copy the pictures to a folder",
        )
    return size


def _state(info: Mapping[str, Any]) -> list[list[str]]:
    """What the store says that changes when the file does."""
    return [[name, str(info[name])] for name in sorted(info) if name.lower() in _STATE_FIELDS]


def _view(
    url: str, files: Any, objects: Sequence[_Object], place: Path, reporter: Reporter
) -> Path:
    """The folder with exactly these objects, made unless it is there."""
    keys = [each.key for each in objects]
    view = place / "views" / fingerprint(keys)[:_KEY_DIGITS]
    if view.is_dir() and None not in keys:
        return view
    store = place / "objects"
    store.mkdir(exist_ok=True)
    clear_asides(store)
    clear_asides(place / "views")
    _fetch_missing(url, files, objects, store, reporter)
    with folder_written_aside(view) as aside:
        for each in objects:
            path = aside.joinpath(*each.parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            _link(store / _stored_as(each), path)
    return view


def _fetch_missing(
    url: str, files: Any, objects: Sequence[_Object], store: Path, reporter: Reporter
) -> None:
    here = {path.name for path in store.iterdir()}
    missing = [each for each in objects if each.key is None or each.key not in here]
    total, done = sum(each.size for each in missing), 0
    name = without_password(url).rstrip("/").rpartition("/")[2]
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="midrib-fetch")
    try:
        with download_bar(reporter, name) as advance:
            for start in range(0, len(missing), _BATCH):
                batch = missing[start : start + _BATCH]
                for size in pool.map(lambda each: _fetch_one(url, files, each, store), batch):
                    done += size
                    advance(done, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch_one(url: str, files: Any, each: _Object, store: Path) -> int:
    with written_aside(store / _stored_as(each)) as aside:
        try:
            files.get_file(each.remote, str(aside))
        except MidribError:
            raise
        except Exception as problem:  # each store raises errors of its own library
            raise refusal_of(url, problem) from problem
        if aside.stat().st_size != each.size:
            raise StorageError(
                f"{each.remote} changed while it was fetched",
                expected=f"{each.size:,} bytes",
                todo="run the same command again: what was fetched is kept",
            )
    return each.size


def _stored_as(each: _Object) -> str:
    return each.key or fingerprint(each.remote)[:_KEY_DIGITS]


def _link(stored: Path, path: Path) -> None:
    try:
        os.link(stored, path)
    except OSError:  # some file systems have no links
        shutil.copyfile(stored, path)


def _nothing(url: str) -> DatasetError:
    return DatasetError(
        f"{without_password(url)} holds nothing",
        expected="pictures, an archive or a table of labels",
        todo="check the address",
    )

"""One file over HTTP: goes on where it stopped, tells how far it is, keeps nothing unchecked."""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from filelock import FileLock

from midrib.downloads.opening import Opener, reason_of, without_password
from midrib.errors import StorageError
from midrib.storage import file_sha256, storage_errors, written_aside

Progress = Callable[[int, int], None]
"""Bytes done and bytes in all."""

_CHUNK_BYTES = 1 << 18
_ATTEMPTS_WITHOUT_PROGRESS = 3
_PART = ".part"


def fetch_file(
    url: str,
    target: Path,
    *,
    sha256: str,
    most_bytes: int,
    progress: Progress | None = None,
    opener: Opener | None = None,
) -> Path:
    """Copy what ``url`` holds to ``target``, which is whole and checked or absent.

    A broken transfer goes on where it stopped, at once or with the next call. Two processes that
    want the same file wait for each other.

    Args:
        url: 'https:', 'http:' or 'file:'.
        target: left alone when it has the hash already.
        sha256: the hash, or its first digits where the publisher tells no more.
        most_bytes: a longer answer is refused.
        progress: is told bytes done and bytes in all.
        opener: how the registry that the file lies at wants to be asked.

    Raises:
        StorageError: the file cannot be had or is another.
    """
    part = target.with_name(target.name + _PART)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(part.with_suffix(".lock")):
            if target.is_file() and file_sha256(target).startswith(sha256):
                return target
            if not (part.is_file() and file_sha256(part).startswith(sha256)):
                _receive_whole(url, part, most_bytes, progress, opener or Opener())
                _require_hash(part, sha256, url)
            with written_aside(target) as aside:
                part.replace(aside)
    return target


def _receive_whole(
    url: str, part: Path, most_bytes: int, progress: Progress | None, opener: Opener
) -> None:
    """Ask for what is missing until nothing is, or until nothing comes any more."""
    part.touch()
    failures = 0
    while failures < _ATTEMPTS_WITHOUT_PROGRESS:
        before = part.stat().st_size
        reason = "the connection ended early"
        try:
            if _receive(url, part, most_bytes, progress, opener):
                return
        except HTTPError as problem:
            if problem.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise _unavailable(url, f"it answers {problem.code} {problem.reason}") from None
            os.truncate(part, 0)
        except (OSError, HTTPException) as problem:
            if part.stat().st_size == before:
                reason = reason_of(problem)
        failures = 0 if part.stat().st_size > before else failures + 1
    raise _unavailable(url, reason)


def _receive(
    url: str, part: Path, most_bytes: int, progress: Progress | None, opener: Opener
) -> bool:
    """Append what is missing, as far as it comes; returns whether the file is whole."""
    done = part.stat().st_size
    headers = {"Range": f"bytes={done}-"} if done else {}
    with opener.open(url, headers) as answer:
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            done = 0
        total = done + int(answer.headers.get("Content-Length", 0))
        with part.open("r+b") as sink:
            sink.truncate(done)
            sink.seek(done)
            while chunk := answer.read(_CHUNK_BYTES):
                done += len(chunk)
                if max(done, total) > most_bytes:
                    raise _unavailable(url, f"it is longer than {most_bytes:,} bytes")
                sink.write(chunk)
                if progress:
                    progress(done, max(done, total))
    return done >= total


def _require_hash(part: Path, sha256: str, url: str) -> None:
    found = file_sha256(part)
    if not found.startswith(sha256):
        part.unlink()
        raise StorageError(
            f"{without_password(url)} has the hash {found[:12]}…",
            expected=f"{sha256[:12]}…",
            todo="run the same command again; if it stays so, the file is not the one that was "
            "meant. Nothing was kept",
        )


def _unavailable(url: str, reason: str) -> StorageError:
    return StorageError(
        f"{without_password(url)} could not be fetched: {reason}",
        expected="the file",
        todo="check the network and run the same command again: it goes on where it stopped",
    )

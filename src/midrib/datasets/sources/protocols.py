"""Which protocols fetch pictures, and what to say when one cannot."""

from __future__ import annotations

import logging
import re
from typing import Any

from midrib.downloads.opening import without_password
from midrib.errors import DatasetError, MidribError, StorageError, UsageError
from midrib.extras import missing_extra
from midrib.names import unknown_name

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
LOCAL = frozenset({"file", "local"})
_WEB = frozenset({"http", "https", "ftp", "data", "github", "gist", "git", "jupyter", "jlab"})
"""Addresses of whoever: what lies there is fetched by its user, who can judge it."""
_WRAPPERS = frozenset(
    {
        *("generic", "reference", "dir", "zip", "tar", "libarchive", "async_wrapper"),
        *("asyncwrapper", "asynclocal", "blockcache", "cached", "filecache", "simplecache"),
        *("dask", "pyscript"),
    }
)
"""Protocols that only lead to others, which would pass by what is refused here."""


def is_url(source: str) -> bool:
    """Whether a source is named by a URL."""
    return _URL.match(source) is not None


def protocol_of(url: str) -> str:
    """What stands before '://', in lower case."""
    return url.partition("://")[0].lower()


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of ``url``, and the path in it.

    Raises:
        UsageError: an address of the web, or a chain of protocols.
        UnknownNameError: no such protocol.
        MissingExtraError: its package is in an extra that is not installed.
        StorageError: another package is missing, or it refuses.
    """
    import fsspec
    from fsspec.registry import known_implementations

    protocol = protocol_of(url)
    if protocol in _WEB:
        raise UsageError(
            f"{without_password(url)} is an address of the web",
            expected="a folder, an archive, a table or a bucket (s3://, gs://)",
            todo="fetch it yourself and name the file",
        )
    if protocol in _WRAPPERS or "::" in url:
        raise UsageError(
            f"{without_password(url)} leads through another protocol",
            expected="one protocol, such as s3:// or gs://",
            todo="name the folder or archive itself",
        )
    # What it raises it logs too, with traces on stderr; here each error is told once, in a line.
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)
    try:
        files, path = fsspec.url_to_fs(url)
    except ImportError as missing:
        raise _lacking(protocol, known_implementations.get(protocol, {}), missing) from None
    except ValueError as problem:
        if "Protocol not known" in str(problem):
            known = {*known_implementations, *LOCAL} - _WEB - _WRAPPERS
            raise unknown_name("protocol", protocol, known) from None
        raise refusal_of(url, problem) from problem
    except Exception as problem:  # each store raises errors of its own library
        raise refusal_of(url, problem) from problem
    return files, str(path)


def refusal_of(url: str, problem: Exception) -> MidribError:
    """What a store's own error says, in one line."""
    shown = without_password(url)
    if isinstance(problem, PermissionError):
        return StorageError(
            f"{shown} may not be read: {problem}",
            expected="credentials that may list and read it",
            todo="check them where the store's own tools look, such as AWS_PROFILE",
        )
    if isinstance(problem, NotADirectoryError | IsADirectoryError | FileNotFoundError):
        return DatasetError(
            f"{shown} changed while it was read: {problem}",
            expected="a place that stays as it is",
            todo="run the same command again",
        )
    return StorageError(
        f"{shown} cannot be read: {type(problem).__name__}: {problem}",
        expected="a store that answers",
        todo="check address, network and credentials, then run the same command again",
    )


def _lacking(protocol: str, known: dict[str, str], missing: ImportError) -> MidribError:
    """The package that speaks ``protocol``, and how to install it."""
    # fsspec raises an error of its own, which names no module.
    module = (getattr(missing, "name", None) or known.get("class", "")).partition(".")[0]
    if extra := missing_extra(f"{protocol}://", ModuleNotFoundError(name=module)):
        return extra
    if module in {"", "fsspec"}:
        todo = known.get("err", str(missing))
    else:
        todo = f"run: pip install {module}"
    return StorageError(
        f"{protocol}:// needs a package that is not installed",
        expected="the one that speaks this protocol",
        todo=todo[:1].lower() + todo[1:],
    )

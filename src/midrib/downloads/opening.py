"""Opening a URL: which schemes, how long to wait, whom to trust, who may know a password."""

from __future__ import annotations

import ssl
from functools import cache
from http.client import HTTPException
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import (
    HTTPBasicAuthHandler,
    HTTPPasswordMgrWithPriorAuth,
    HTTPSHandler,
    OpenerDirector,
    Request,
    build_opener,
)

from midrib.errors import StorageError

SCHEMES = frozenset({"https", "http", "file"})
_TIMEOUT_SECONDS = 30.0
_REACH_SECONDS = 3.0


class Opener:
    """Asks for files as one place wants to be asked. Proxies are those of the environment.

    Args:
        certificate: a file of certificates to trust in place of the system's.
    """

    def __init__(self, certificate: str | None = None) -> None:
        context = ssl.create_default_context(cafile=certificate)
        self._passwords = HTTPPasswordMgrWithPriorAuth()
        self._director: OpenerDirector = build_opener(
            HTTPSHandler(context=context), HTTPBasicAuthHandler(self._passwords)
        )

    def open(
        self, url: str, headers: dict[str, str] | None = None, *, seconds: float = _TIMEOUT_SECONDS
    ) -> Any:
        """The answer of ``url``, a stream with ``status``, ``headers`` and ``url``.

        A name and password inside the URL are sent to that server alone.
        Raises ``OSError`` and ``http.client.HTTPException``, and ``StorageError`` for a scheme
        that is not one of `SCHEMES`.
        """
        if urlsplit(url).scheme not in SCHEMES:
            raise StorageError(
                f"{without_password(url)} cannot be fetched from",
                expected="a URL that begins with https:, http: or file:",
                todo="mend the address",
            )
        bare = self._remember_password(url)
        request = Request(bare, headers=headers or {})  # noqa: S310 - the scheme was checked above
        return self._director.open(request, timeout=seconds)

    def _remember_password(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.username is not None:
            bare = without_password(url)
            self._passwords.add_password(
                None,
                urljoin(bare, "/"),
                unquote(parts.username),
                unquote(parts.password or ""),
                is_authenticated=True,
            )
            return bare
        return url


def without_password(url: str) -> str:
    """``url`` without a name and password: what may be shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host))


def reason_of(problem: Exception) -> str:
    """What went wrong, without Python's wrapping of it."""
    return str(getattr(problem, "reason", problem)) or type(problem).__name__


@cache
def is_reachable(url: str) -> bool:
    """Whether a server answers at ``url``, whatever it says; asked once a process, for 3 s.

    The question is put aside after that: a name server may keep it waiting far longer.
    """
    answered = Event()
    Thread(target=_ask, args=(url, answered), daemon=True).start()
    return answered.wait(_REACH_SECONDS)


def _ask(url: str, answered: Event) -> None:
    try:
        with Opener().open(url, seconds=_REACH_SECONDS):
            answered.set()
    except HTTPError:
        answered.set()
    except (OSError, HTTPException):
        return

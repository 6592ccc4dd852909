"""The port, and the HTTP server behind it."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from typing import Any

import granian.net
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp

from midrib.errors import ServingError
from midrib.serving.config import ServeConfig

_BACKLOG = 1024


def bind(config: ServeConfig) -> socket.socket:
    """Take the port without listening yet: a client is refused until there is a model to ask.

    Raises ``ServingError`` when the port is in use, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as problem:
        raise ServingError(
            f"the host '{config.host}' is not known: {problem.strerror}",
            expected="an address of this machine",
            todo="try --host 127.0.0.1, or 0.0.0.0 for every address",
        ) from None
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken.bind(address)
    except OSError as problem:
        taken.close()
        raise _cannot_listen(config, problem) from None
    return taken


def _cannot_listen(config: ServeConfig, problem: OSError) -> ServingError:
    if problem.errno == errno.EADDRINUSE:
        return ServingError(
            f"port {config.port} of {config.host} is in use",
            expected="a free port",
            todo="stop what listens there, or choose another one with --port",
        )
    return ServingError(
        f"port {config.port} of {config.host} cannot be taken: {problem.strerror}",
        expected="a port and an address that this user may listen on",
        todo="try --host 127.0.0.1 and a port above 1023",
    )


def url_of(taken: socket.socket) -> str:
    """Where clients find the server that listens on ``taken``."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class HttpServer:
    """Granian, in this process and its event loop, on a port that was taken before.

    In its own processes granian takes the port itself, with SO_REUSEPORT, so that a second server
    on the same port would silently get half of the requests.
    """

    def __init__(self, app: ASGIApp, taken: socket.socket, config: ServeConfig) -> None:
        self._config = config
        self._taken = taken
        self._server = _OnTakenPort(app, taken, config)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen. Raises ``ServingError`` when another server listens on the port by now."""
        try:
            self._taken.listen(_BACKLOG)
        except OSError as problem:
            raise _cannot_listen(self._config, problem) from None
        self._serving = asyncio.create_task(self._server.serve())

    async def run(self) -> None:
        """Return when the server has ended. Raises whatever ended it."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def stop(self, seconds: float) -> None:
        """Accept nothing more and wait until every accepted request is answered.

        Raises ``TimeoutError`` after ``seconds``.
        """
        self._server.stop()  # type: ignore[no-untyped-call]  # granian's methods carry no types
        async with asyncio.timeout(seconds):
            await self.run()


class _OnTakenPort(Server):
    def __init__(self, app: ASGIApp, taken: socket.socket, config: ServeConfig) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=config.limits.connections,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(config.limits.header_seconds * 1000)
            ),
            log_enabled=False,
        )
        self._taken = taken

    def _init_shared_socket(self) -> None:
        # The listener that granian makes of it closes the descriptor in the end.
        self._shd = _holder(self._taken.detach())


def _holder(descriptor: int) -> Any:
    """Granian's name for a listening socket; its stub tells neither export nor arguments."""
    arguments: list[Any] = [descriptor, False]
    if sys.platform.startswith(("linux", "freebsd")):
        arguments.append(_BACKLOG)
    holder: Any = granian.net.SocketHolder  # type: ignore[attr-defined]  # see above
    return holder(*arguments)

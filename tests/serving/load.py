"""Clients that ask without pause, and a record of all that they got."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import httpx


@dataclass
class Load:
    """What the clients got: every answer, and how often there was none.

    ``refused``: no connection. ``broken``: a connection that ended without an answer.
    """

    answers: list[httpx.Response] = field(default_factory=list)
    refused: int = 0
    broken: int = 0
    stop: Event = field(default_factory=Event)


@contextmanager
def asking(url: str, data: bytes, *, clients: int) -> Iterator[Load]:
    """Ask ``url`` without pause by several clients, until the block ends."""
    load = Load()
    threads = [Thread(target=_ask, args=(url, data, load)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()


def _ask(url: str, data: bytes, load: Load) -> None:
    with httpx.Client(timeout=30) as client:
        while not load.stop.is_set():
            try:
                load.answers.append(client.post(url, content=data))
            except httpx.ConnectError:
                load.refused += 1
                # Nobody listens any more: a client asks no further.
                return
            except httpx.TransportError:
                load.broken += 1

"""A lean load tool: clients that ask one address without pause. Standard library only.

Each client is a thread on a blocking socket that it keeps open, so that sending a picture is one
system call and the tool takes little of the cores that it shares with the server; what it does
take is told. Run as ``python -m benchmarks.load`` it prints what it saw as JSON.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

_RECEIVE_BYTES = 65_536


@dataclass
class Seen:
    """What the clients saw together."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of the load tool itself."""

    milliseconds: list[float] = field(default_factory=list)
    """Of each answered request, from its first byte sent to the answer's last."""

    failures: int = 0
    """Answers with another status than 200."""

    @property
    def per_second(self) -> float:
        """Answered requests."""
        return len(self.milliseconds) / self.seconds

    @classmethod
    def of(cls, url: str, body: Path, *, clients: int, seconds: float) -> Self:
        """Ask from a process of its own. Raises ``CalledProcessError`` when it fails."""
        options = ["--clients", str(clients), "--seconds", str(seconds)]
        command = [sys.executable, "-m", "benchmarks.load", url, str(body), *options]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        return cls(**json.loads(done.stdout))


def ask(url: str, body: bytes, *, clients: int, seconds: float) -> Seen:
    """Send ``body`` to ``url`` again and again; each client waits for its answer."""
    seen = Seen()
    request = _request(url, body)
    started, cpu_started = time.perf_counter(), time.process_time()
    threads = [
        Thread(target=_ask, args=(url, request, started + seconds, seen)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = time.perf_counter() - started
    seen.cpu_seconds = time.process_time() - cpu_started
    return seen


def _request(url: str, body: bytes) -> bytes:
    place = urlsplit(url)
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        f"Content-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _ask(url: str, request: bytes, until: float, seen: Seen) -> None:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (sent := time.perf_counter()) < until:
            connection.sendall(request)
            if _answered(connection):
                seen.milliseconds.append((time.perf_counter() - sent) * 1000)
            else:
                seen.failures += 1


def _answered(connection: socket.socket) -> bool:
    """Receive one answer whole; whether it was 200."""
    answer = b""
    while True:
        part = connection.recv(_RECEIVE_BYTES)
        if not part:
            raise ConnectionError("the server closed the connection")
        answer += part
        head, end, body = answer.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            return head.startswith(b"HTTP/1.1 200")


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("the answer tells no length")


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("body", type=Path)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    body = options.body.read_bytes()
    seen = ask(options.url, body, clients=options.clients, seconds=options.seconds)
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    _main()

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest
from server_probe import metric, until
from tiny_package import picture_bytes

from midrib.errors import ConfigError
from midrib.packages import Package
from midrib.serving import Limits, ServeConfig, ServerProcess
from midrib.settings import Settings

PREDICT = "/v1/models/colours:predict"
HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: midrib\r\n".encode()


@pytest.fixture(scope="module")
def tight(package: Package, config: ServeConfig, home: Settings) -> Iterator[ServerProcess]:
    """One worker, one place to wait, little time and small bodies."""
    limits = Limits(
        body_bytes=4_000_000,
        header_seconds=0.5,
        body_seconds=0.5,
        pictures=1,
        queue_length=1,
        deadline_seconds=60,
    )
    tight = config.model_copy(update={"limits": limits, "workers": 1})
    with ServerProcess([package.folder], tight, home) as running:
        yield running


@pytest.fixture
def asking(tight: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=tight.url, timeout=60) as client:
        yield client


def connect(server: ServerProcess) -> socket.socket:
    place = urlsplit(server.url)
    return socket.create_connection((place.hostname, place.port), timeout=20)


def everything(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_refuses_a_body_by_its_announced_length(tight: ServerProcess) -> None:
    """A body that says it will be too long is refused before any of it is sent."""
    with closing(connect(tight)) as connection:
        connection.sendall(HEAD + b"Content-Length: 10000000000\r\n\r\n")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"PayloadTooLargeError" in answer


def test_refuses_a_body_while_it_comes(asking: httpx.Client) -> None:
    """A body that says nothing of its length is refused once it is too long."""
    response = asking.post(PREDICT, content=(bytes(100_000) for _ in range(50)))
    assert response.status_code == 413
    assert response.json()["error"] == "PayloadTooLargeError"


def test_refuses_a_multipart_body_while_it_comes(asking: httpx.Client) -> None:
    """The limit holds for multipart bodies as well."""
    response = asking.post(PREDICT, files={"picture": ("large.bmp", bytes(5_000_000))})
    assert response.status_code == 413


def test_gives_up_on_a_slow_body(tight: ServerProcess) -> None:
    """A body that stops coming is 408, and its connection is closed."""
    with closing(connect(tight)) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nfirst bytes")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"SlowRequestError" in answer


def test_closes_on_slow_headers(tight: ServerProcess) -> None:
    """A connection whose headers do not end is closed."""
    with closing(connect(tight)) as connection:
        connection.sendall(HEAD + b"X-More: ")
        assert b" 200 " not in everything(connection)


def test_closes_an_idle_connection(tight: ServerProcess) -> None:
    """A connection that is kept open and asks nothing more is closed."""
    with closing(connect(tight)) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: midrib\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


def test_a_full_queue_refuses_at_once(
    tight: ServerProcess, asking: httpx.Client, slow_picture: bytes
) -> None:
    """With one picture in work and one waiting, the next is 503 and told when to come back."""

    def insist() -> httpx.Response:
        """Until the first picture is taken to work, the second finds the one place taken."""
        answer = httpx.post(tight.url + PREDICT, content=slow_picture, timeout=60)
        while answer.status_code == 503:
            answer = httpx.post(tight.url + PREDICT, content=slow_picture, timeout=60)
        return answer

    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(insist) for _ in range(2)]
        until(lambda: metric(asking, 'midrib_waiting_pictures{model="colours"}') == 1)
        refused = asking.post(PREDICT, content=picture_bytes("red"))
        assert [future.result().status_code for future in slow] == [200, 200]
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["error"] == "OverloadedError"
    assert refused.headers["X-Midrib-Model-Version"] == "3"


def test_a_deadline_spares_the_model(
    package: Package, config: ServeConfig, home: Settings, slow_picture: bytes
) -> None:
    """A picture whose deadline passes while it waits is 504, and the model is not run for it."""
    limits = Limits(deadline_seconds=0.1)
    hasty = config.model_copy(update={"limits": limits, "workers": 1})
    with (
        ServerProcess([package.folder], hasty, home) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
        ThreadPoolExecutor(3) as pool,
    ):
        slow = [
            pool.submit(httpx.post, server.url + PREDICT, content=slow_picture, timeout=60)
            for _ in range(3)
        ]
        answers = [future.result() for future in slow]
        assert [answer.status_code for answer in answers] == [504] * 3
        assert {answer.json()["error"] for answer in answers} == {"DeadlineError"}
        assert metric(client, 'midrib_infer_seconds_count{model="colours"}') == 0
        assert metric(client, 'midrib_requests_total{code="504",model="colours"}') == 3


def test_a_request_must_fit_the_queue() -> None:
    """More pictures in a request than may ever wait is a mistake in the options."""
    with pytest.raises(ConfigError, match="pictures in one request"):
        Limits(pictures=10, queue_length=5)

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from server_probe import metric, until
from starlette.types import Receive, Scope, Send
from tiny_package import picture_bytes

from midrib.errors import EngineError, MidribError, OverloadedError
from midrib.packages import Package
from midrib.serving import ServeConfig, ServerProcess
from midrib.serving.exchange import Exchanges
from midrib.serving.telemetry import Telemetry
from midrib.settings import Settings

PREDICT = "/v1/models/colours:predict"


def answer_of(fault: Exception) -> httpx.Response:
    """What a client gets when a route raises ``fault``."""

    async def route(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise fault

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Exchanges(route, Telemetry()))
        async with httpx.AsyncClient(transport=transport, base_url="http://midrib") as client:
            return await client.get("/", headers={"X-Request-Id": "seven"})

    return asyncio.run(ask())


def test_an_unexpected_fault_is_told_without_its_trace() -> None:
    """A fault of ours is 500 with the request id; what went wrong is for the log only."""
    response = answer_of(ZeroDivisionError("secret of the house"))
    assert response.status_code == 500
    assert response.json()["request_id"] == response.headers["X-Request-Id"] == "seven"
    assert "secret" not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (EngineError("the engine is out of order", expected="one that runs"), 500),
        (OverloadedError("too much", retry_after_seconds=7), 503),
    ],
)
def test_errors_carry_their_status(problem: MidribError, status: int) -> None:
    """An error of the tree is told with its status, its clauses and, if full, when to come back."""
    response = answer_of(problem)
    assert response.status_code == status
    assert response.json() == {**problem.as_record(), "request_id": "seven"}
    assert response.headers.get("Retry-After") == ("7" if status == 503 else None)


def test_a_client_that_goes_away_harms_nobody(server: ServerProcess, client: httpx.Client) -> None:
    """A connection that is cut in the middle of a body is counted, and the server goes on."""
    gone = 'midrib_requests_total{code="499",model="colours"}'
    before = metric(client, gone)
    host, port = server.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)))) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: midrib\r\nContent-Length: 1000\r\n\r\npart"
        connection.sendall(head.encode())
    until(lambda: metric(client, gone) == before + 1)
    assert client.post(PREDICT, content=picture_bytes("red")).status_code == 200


def test_serves_without_a_log_where_pyarrow_is_missing(
    package: Package,
    config: ServeConfig,
    home: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without pyarrow the server says once that there is no log, and answers."""
    absent = tmp_path / "pyarrow" / "__init__.py"
    absent.parent.mkdir()
    absent.write_text("raise ImportError('not installed here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        ServerProcess([package.folder], config, home) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        for _ in range(3):
            assert client.post(PREDICT, content=picture_bytes("red")).status_code == 200
        [said] = server.events("no prediction log")
        assert "midrib[server]" in said["reason"]


def test_loads_nothing_of_the_lab() -> None:
    """A fresh interpreter that imports the room has loaded no part of the lab or of the server."""
    code = "import sys, midrib.serving; print(*sorted(sys.modules), sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "midrib.serving" in loaded
    assert not {"torch", "timm", "mlflow", "sqlalchemy", "pyarrow", "openvino"} & set(loaded)

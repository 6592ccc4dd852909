from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from load import asking
from server_probe import until
from tiny_package import picture_bytes

from midrib.errors import PackageError, ServingError, UnknownNameError, UsageError
from midrib.packages import Package
from midrib.serving import ServeConfig, ServerProcess, serve
from midrib.serving.listening import bind
from midrib.serving.opening import open_house
from midrib.settings import Settings

PREDICT = "/v1/models/colours:predict"


def test_sigterm_under_load_answers_all_that_was_accepted(
    package: Package, config: ServeConfig, home: Settings, photo: bytes
) -> None:
    """Every request that the server began is answered to its client, and it ends with exit 0."""
    server = ServerProcess([package.folder], config, home)
    server.start()
    with asking(server.url + PREDICT, photo, clients=6) as load:
        until(lambda: len(load.answers) > 50)
        server.stop()
    assert {answer.status_code for answer in load.answers} == {200}
    [stopped] = server.events("stopped")
    assert stopped["requests"] == stopped["answered"] == len(load.answers)
    assert load.refused == 6


def test_a_stopping_server_says_so(package: Package, config: ServeConfig, home: Settings) -> None:
    """After SIGINT readiness is 503, and answers close their connections."""
    lingering = config.model_copy(update={"linger_seconds": 1.5})
    with (
        ServerProcess([package.folder], lingering, home) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert "Connection" not in client.get("/health/ready").headers
        os.kill(server.pid, signal.SIGINT)
        until(lambda: client.get("/health/ready").status_code == 503)
        assert "Retry-After" in client.get("/health/ready").headers
        answer = client.post(PREDICT, content=picture_bytes("red"))
        assert answer.status_code == 200
        assert answer.headers["Connection"] == "close"
    assert server.events("stopped")


def test_a_half_sent_request_does_not_hold_it_for_ever(
    package: Package, config: ServeConfig, home: Settings
) -> None:
    """A client that stops sending is given up on, and the server still ends with exit 0."""
    limits = config.limits.model_copy(update={"body_seconds": 0.5, "header_seconds": 0.5})
    impatient = config.model_copy(update={"limits": limits})
    with ServerProcess([package.folder], impatient, home) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with closing(socket.create_connection((host, int(port)))) as connection:
            head = f"POST {PREDICT} HTTP/1.1\r\nHost: midrib\r\nContent-Length: 99\r\n\r\n"
            connection.sendall(head.encode())
            server.stop()


def test_a_port_in_use_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    """A taken port is one line and exit code 11, even when the package is no good either."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        options = tmp_path / "serve.json"
        port = other.getsockname()[1]
        ServeConfig(port=port).save(options)
        command = [sys.executable, "-m", "midrib.serving", "--config", options, "no/package"]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == ServingError.exit_code
    [line] = ended.stderr.splitlines()
    assert f"port {port} of 127.0.0.1 is in use" in line
    assert "--port" in line


def test_two_servers_never_share_a_port(server: ServerProcess) -> None:
    """The port of a running server is refused to the next."""
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(ServingError, match="in use"):
        bind(ServeConfig(port=port))


@pytest.mark.parametrize(
    ("host", "came"), [("203.0.113.7", "cannot be taken"), ("no.such.host.invalid", "is not known")]
)
def test_a_foreign_address_is_told(host: str, came: str) -> None:
    """An address that is not this machine's is refused with what to try."""
    with pytest.raises(ServingError, match=rf"{came}.*127\.0\.0\.1"):
        bind(ServeConfig(host=host, port=0))


def test_targets_that_cannot_be_served_are_told(config: ServeConfig, home: Settings) -> None:
    """Nothing to serve, no package and a name that was never published are told apart."""
    with pytest.raises(UsageError, match="nothing to serve"):
        serve([], config, home)
    with pytest.raises(PackageError, match="is not a folder"):
        open_house(["./no-such-folder"], config, home)
    with pytest.raises(UnknownNameError, match="unknown model 'never-published'"):
        open_house(["never-published"], config, home)


def test_what_cannot_be_opened_leaves_nothing_open(
    package: Package, config: ServeConfig, home: Settings
) -> None:
    """A target that cannot be served ends what was started and opened for those before it."""
    before = set(threading.enumerate())
    with pytest.raises(UnknownNameError) as caught:
        open_house([str(package.folder), "never-published"], config, home)
    assert set(threading.enumerate()) <= before
    assert not [file for file in psutil.Process().open_files() if "state.db" in file.path]
    del caught  # it kept alive what was opened


def test_one_name_is_served_once(package: Package, config: ServeConfig, home: Settings) -> None:
    """The same name twice is a mistake in the call."""
    with pytest.raises(UsageError, match="two of the targets are called 'colours'"):
        open_house([str(package.folder)] * 2, config, home)


def test_a_changed_byte_is_not_served(
    tmp_path: Path, package: Package, config: ServeConfig, home: Settings
) -> None:
    """A package that is not what it was when it was written does not get ready."""
    folder = tmp_path / "changed"
    folder.mkdir()
    for path in package.folder.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(package.folder)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    file = folder / package.card.variants[0].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ServingError, match=r"fp32.onnx .* has the hash"):
        ServerProcess([folder], config, home).start()

"""Downloads against real servers: whole and checked, or absent."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from file_server import FileServer, Served, serving_files

from midrib.downloads import download_bar, fetch_file, is_reachable
from midrib.errors import StorageError
from midrib.reporting import Advance, Reporter

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MOST = 2_000_000


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving_files() as running:
        running.files["/file"] = Served(CONTENT)
        yield running


def ranges(server: FileServer) -> list[str]:
    return [asked for _, _, asked in server.asked]


def test_a_file_arrives_whole_and_is_not_fetched_twice(server: FileServer, tmp_path: Path) -> None:
    """What has its hash is kept, and the server is not asked again."""
    told: list[tuple[int, int]] = []
    target = tmp_path / "kept" / "file"
    for _ in range(2):
        fetch_file(
            f"{server.url}/file",
            target,
            sha256=SHA256,
            most_bytes=MOST,
            progress=lambda done, total: told.append((done, total)),
        )
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


def test_a_broken_transfer_goes_on_where_it_stopped(server: FileServer, tmp_path: Path) -> None:
    """A connection that ends early is taken up at the byte after the last."""
    server.files["/file"].cuts = [300_000, 1, 500_000]
    fetch_file(f"{server.url}/file", tmp_path / "file", sha256=SHA256, most_bytes=MOST)
    assert ranges(server) == ["", "bytes=300000-", "bytes=300001-", "bytes=800001-"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_the_next_call_goes_on_where_the_last_one_gave_up(
    server: FileServer, tmp_path: Path
) -> None:
    """What came before a server fell silent is kept for the next call."""
    server.files["/file"].cuts = [400_000, 0, 0, 0]
    with pytest.raises(StorageError, match="goes on where it stopped"):
        fetch_file(f"{server.url}/file", tmp_path / "file", sha256=SHA256, most_bytes=MOST)
    assert not (tmp_path / "file").exists()
    fetch_file(f"{server.url}/file", tmp_path / "file", sha256=SHA256, most_bytes=MOST)
    assert ranges(server)[-1] == "bytes=400000-"
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert not list(tmp_path.glob("*.part"))


def test_a_server_without_ranges_is_asked_for_all_again(tmp_path: Path) -> None:
    """A server that ignores ranges costs time, never a wrong file."""
    with serving_files(ranges=False) as server:
        server.files["/file"] = Served(CONTENT, cuts=[400_000])
        fetch_file(f"{server.url}/file", tmp_path / "file", sha256=SHA256, most_bytes=MOST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(
    server: FileServer, tmp_path: Path
) -> None:
    """A part that the server knows nothing to add to is begun anew."""
    (tmp_path / "file.part").write_bytes(CONTENT + b"more")
    fetch_file(f"{server.url}/file", tmp_path / "file", sha256=SHA256, most_bytes=MOST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(server: FileServer, tmp_path: Path) -> None:
    """A file whose hash is another one leaves nothing behind."""
    with pytest.raises(StorageError, match=f"has the hash {SHA256[:12]}.*expected 0000"):
        fetch_file(f"{server.url}/file", tmp_path / "file", sha256="0" * 64, most_bytes=MOST)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize(
    ("path", "most_bytes", "reason"),
    [("/nothing", MOST, "it answers 404"), ("/file", 1000, "longer than 1,000 bytes")],
)
def test_what_cannot_be_had_is_told(
    server: FileServer, tmp_path: Path, path: str, most_bytes: int, reason: str
) -> None:
    """The error says what the server answered."""
    with pytest.raises(StorageError, match=reason):
        fetch_file(server.url + path, tmp_path / "file", sha256=SHA256, most_bytes=most_bytes)


def test_only_files_and_the_web_are_opened(tmp_path: Path) -> None:
    """Other schemes are refused, and a password is never shown."""
    for url in ("ftp://me:secret@example.org/file", "data:text/plain,x"):
        with pytest.raises(StorageError, match="https:, http: or file:") as caught:
            fetch_file(url, tmp_path / "file", sha256=SHA256, most_bytes=MOST)
        assert "secret" not in str(caught.value)


def test_whether_a_server_answers_is_known_at_once(server: FileServer) -> None:
    """A server that answers anything is reachable, a closed port is not."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert not is_reachable(f"http://127.0.0.1:{port}")
    assert is_reachable(server.url)


def test_nothing_is_shown_for_what_is_here_already() -> None:
    """A bar appears with the first byte, in megabytes."""
    shown: list[str] = []

    class Heard(Reporter):
        def bar(self, title: str) -> AbstractContextManager[Advance]:
            shown.append(title)
            return super().bar(title)

    with download_bar(Heard(), "weights") as progress:
        assert shown == []
        progress(1, 10)
        progress(10, 10)
    assert shown == ["fetch weights"]

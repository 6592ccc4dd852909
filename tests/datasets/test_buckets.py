"""Pictures that lie where fsspec reaches, here its store in memory."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from midrib.datasets import read_dataset
from midrib.datasets.sources import SourceLimits, open_source
from midrib.errors import DatasetError, StorageError, UnknownNameError, UsageError
from midrib.pipeline.data import read
from midrib.reporting import SILENT
from midrib.settings import Settings

Classes = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def bucket() -> Iterator[str]:
    """A new place in memory, as a URL."""
    url = f"memory://{uuid.uuid4().hex}/photos"
    yield url
    fsspec.filesystem("memory").rm(url, recursive=True)


@pytest.fixture
def uploaded(bucket: str, classes: Classes) -> str:
    upload(classes(cat=3, dog=4), bucket)
    return bucket


def upload(folder: Path, url: str) -> None:
    store = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            store.pipe_file(f"{url}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def stored(home: Settings) -> dict[str, int]:
    """What was fetched, and when."""
    found = (home.sources / "fetched").glob("*/objects/*")
    return {path.name: path.stat().st_mtime_ns for path in found}


def test_bucket_is_the_folder_that_it_holds(
    home: Settings, uploaded: str, classes: Classes
) -> None:
    """A dataset has one version, from a folder or from a bucket; its URL is told as its place."""
    found = read(uploaded, strict=False, settings=home, reporter=SILENT)
    assert found.version == read_dataset(classes()).version
    assert found.place == uploaded
    assert found.as_record()["source"] == uploaded


def test_bucket_that_did_not_change_is_not_fetched_again(home: Settings, uploaded: str) -> None:
    """The same state of a bucket is the same copy."""
    first = open_source(uploaded, home)
    before = stored(home)
    assert open_source(uploaded + "/", home) == first
    assert stored(home) == before


def test_changed_bucket_gives_only_what_is_new(
    home: Settings, uploaded: str, draw: Callable[..., Path], tmp_path: Path
) -> None:
    """Added, changed and removed pictures are seen; what stayed is not fetched twice."""
    first = open_source(uploaded, home).path
    before = stored(home)
    names = {path.name for path in first.glob("cat/*")}
    store = fsspec.filesystem("memory")
    changed, removed = sorted(names)[:2]
    store.pipe_file(f"{uploaded}/cat/new.png", draw(tmp_path / "new.png").read_bytes())
    store.pipe_file(f"{uploaded}/cat/{changed}", draw(tmp_path / "other.png").read_bytes())
    store.rm_file(f"{uploaded}/cat/{removed}")
    second = open_source(uploaded, home).path
    assert {path.name for path in second.glob("cat/*")} == names - {removed} | {"new.png"}
    assert (second / "cat" / changed).read_bytes() == (tmp_path / "other.png").read_bytes()
    assert {path.name for path in first.glob("cat/*")} == names, "who reads the old one still can"
    after = stored(home)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2


def test_archive_and_table_in_a_bucket(
    home: Settings, bucket: str, classes: Classes, tmp_path: Path
) -> None:
    """An archive is fetched alone and unpacked; a table comes with the folder that it lies in."""
    from test_sources import packed

    folder = classes(cat=3, dog=3)
    version = read_dataset(folder).version
    store = fsspec.filesystem("memory")
    archive = packed(folder, tmp_path / "photos.tar.gz")
    store.pipe_file(f"{bucket}/photos.tar.gz", archive.read_bytes())
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in folder.glob("*/*.png")]
    upload(folder, bucket)
    store.pipe_file(f"{bucket}/table.csv", "\n".join(["path,label", *rows]).encode())
    for name in ("photos.tar.gz", "table.csv"):
        found = read(f"{bucket}/{name}", strict=False, settings=home, reporter=SILENT)
        assert found.version == version
        assert found.place == f"{bucket}/{name}"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("cat/../../../etc/x.png",), "'..'"),
        (("cat/1.png", "Cat/2.png"), "case"),
        (("cat\\1.png",), "backslash"),
    ],
)
def test_names_that_no_disk_should_take_are_refused(
    home: Settings, bucket: str, names: tuple[str, ...], said: str
) -> None:
    """A bucket's keys are as little trusted as an archive's names."""
    store = fsspec.filesystem("memory")
    for name in names:
        # Its own pipe_file would tidy the names up.
        path = f"{store._strip_protocol(bucket)}/{name}"
        with store.open(f"{bucket}/spare.png", "wb") as stream:
            stream.write(b"x")
        store.store[path] = store.store.pop(f"{store._strip_protocol(bucket)}/spare.png")
    with pytest.raises(DatasetError, match=said):
        open_source(bucket, home)
    assert stored(home) == {}


def test_bounds_hold_for_buckets(home: Settings, uploaded: str) -> None:
    """More files or bytes than allowed are refused before one is fetched."""
    for limits in (SourceLimits(max_files=3), SourceLimits(max_bytes=100)):
        with pytest.raises(DatasetError, match=r"more (files|bytes) than allowed"):
            open_source(uploaded, home, limits=limits)
    assert stored(home) == {}


def test_nothing_there_is_told(home: Settings) -> None:
    """An address at which nothing lies is a data error."""
    with pytest.raises(DatasetError, match="holds nothing"):
        open_source("memory://nowhere/at/all", home)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/photos.zip",
        "HTTP://example.org/photos",
        "ftp://example.org/photos",
        "data://x",
        "github://org:repo@main/photos",
        "simplecache::https://example.org/photos.zip",
        "simplecache::s3://bucket/photos.zip",
        "memory://a::https://example.org/photos.zip",
        "reference://x",
        "generic://https://example.org",
    ],
)
def test_addresses_of_the_web_are_not_fetched(home: Settings, url: str) -> None:
    """Neither straight nor through another protocol is anything fetched from the web."""
    with pytest.raises((UsageError, DatasetError), match=r"web|protocol|does not exist"):
        open_source(url, home)
    assert not home.sources.exists()


def test_unknown_protocol_gets_the_nearest(home: Settings) -> None:
    """A misspelt protocol is refused with the one that was meant."""
    with pytest.raises(UnknownNameError, match="'gs'"):
        open_source("gsx://bucket/photos", home)


def test_missing_package_is_named(home: Settings) -> None:
    """A protocol whose package is not installed says what to install."""
    fsspec.register_implementation("lack", "not_installed_here.LackFileSystem", clobber=True)
    with pytest.raises(StorageError, match="pip install not_installed_here"):
        open_source("lack://bucket/photos", home)


def test_missing_extra_is_named() -> None:
    """Where the client of S3 is not installed, the extra that brings it is named in one line."""
    code = (
        "import sys; sys.modules['s3fs'] = None; from midrib.cli import main;"
        "sys.argv = ['midrib', 'data', 'check', 's3://bucket/photos']; main()"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 7, finished.stderr
    [line] = [line for line in finished.stderr.splitlines() if line.startswith("midrib: ")]
    assert "s3://" in line
    assert "pip install 'midrib[s3]'" in line


def test_offline_takes_what_was_fetched_last(home: Settings) -> None:
    """With MIDRIB_OFFLINE the copy is taken, and where there is none it is said."""
    closed = Settings(home=home.home, offline=True)
    with pytest.raises(StorageError, match="MIDRIB_OFFLINE"):
        open_source("flaky://photos", closed)
    FlakyStore.store_pictures(3)
    first = open_source("flaky://photos", home)
    assert open_source("flaky://photos", closed) == first


class FlakyStore(MemoryFileSystem):  # type: ignore[misc]  # fsspec carries no types
    """A store of its own whose connection breaks after some files."""

    protocol = "flaky"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    breaks_after = 10**9
    given: ClassVar[list[str]] = []
    lock = Lock()

    @classmethod
    def store_pictures(cls, count: int) -> None:
        cls.store.clear()
        cls.given.clear()
        cls.breaks_after = 10**9
        for number in range(count):
            cls().pipe_file(f"flaky://photos/cat/{number}.png", bytes([number]) * 9)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("flaky://", "memory://")))

    def get_file(self, rpath: str, lpath: str, **options: Any) -> None:
        with self.lock:
            if len(self.given) >= self.breaks_after:
                raise ConnectionResetError("the connection was reset")
            self.given.append(rpath)
        super().get_file(rpath, lpath, **options)


@pytest.fixture(autouse=True)
def _flaky() -> None:
    fsspec.register_implementation("flaky", FlakyStore, clobber=True)


def test_fetch_that_broke_goes_on_where_it_stopped(home: Settings) -> None:
    """What came before a connection broke is kept; the next call fetches the rest alone."""
    FlakyStore.store_pictures(40)
    FlakyStore.breaks_after = 25
    with pytest.raises(StorageError, match="flaky://photos cannot be read: ConnectionResetError"):
        open_source("flaky://photos", home)
    came = list(FlakyStore.given)
    assert len(came) == len(stored(home)) == 25
    FlakyStore.breaks_after = 10**9
    found = open_source("flaky://photos", home).path
    assert len(FlakyStore.given) == len(set(FlakyStore.given)) == 40
    assert len(list((found / "cat").iterdir())) == 40


def test_file_that_changes_while_it_is_fetched_is_told(home: Settings) -> None:
    """A file of another size than was listed is not kept."""
    FlakyStore.store_pictures(3)

    class Growing(FlakyStore):
        def get_file(self, rpath: str, lpath: str, **options: Any) -> None:
            super().get_file(rpath, lpath, **options)
            with Path(lpath).open("ab") as stream:
                stream.write(b"more")

    fsspec.register_implementation("flaky", Growing, clobber=True)
    with pytest.raises(StorageError, match="changed while it was fetched"):
        open_source("flaky://photos", home)
    assert stored(home) == {}

"""Folders, tables and archives as sources of pictures."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from midrib.datasets import Dataset, open_source, place_of, read_dataset, source_name
from midrib.errors import DatasetError
from midrib.pipeline.data import read
from midrib.reporting import SILENT
from midrib.settings import Settings

Classes = Callable[..., Path]
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def packed(folder: Path, archive: Path, *, within: str = "") -> Path:
    """An archive of a folder's content, perhaps below a folder ``within`` it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: f"{within}{path.relative_to(folder).as_posix()}" for path in files}
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as opened:
            for path, name in names.items():
                opened.write(path, name)
    else:
        with tarfile.open(archive, f"w:{archive.name.partition('.tar')[2].strip('.')}") as tar:
            for path, name in names.items():
                tar.add(path, name)
    return archive


def opened(source: str | Path, settings: Settings) -> Dataset:
    return read(source, strict=False, settings=settings, reporter=SILENT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("within", ["", "my photos/", "./a/b/"])
def test_archive_is_the_folder_that_it_holds(
    home: Settings, tmp_path: Path, classes: Classes, kind: str, within: str
) -> None:
    """A dataset has one version, from a folder or from any archive of it."""
    folder = classes(cat=3, dog=4)
    archive = packed(folder, tmp_path / f"photos.{kind}", within=within)
    found = opened(archive, home)
    assert found.version == read_dataset(folder).version
    assert found.labels == ("cat", "dog")
    assert found.place == str(archive)
    assert found.lines()[0].endswith(str(archive))


def test_archive_is_unpacked_once_by_its_content(
    home: Settings, tmp_path: Path, classes: Classes
) -> None:
    """Another name or place is the same copy; another content is another."""
    first = packed(classes(cat=3, dog=3), tmp_path / "a.zip")
    place = open_source(first, home).path
    marked = next(place.rglob("*.png"))
    before = marked.stat().st_mtime_ns
    again = open_source(shutil.copy(first, tmp_path / "b.zip"), home)
    assert again.path == place
    assert marked.stat().st_mtime_ns == before
    other = packed(classes(cat=4, dog=3, cow=3), tmp_path / "a.zip")
    assert open_source(other, home).path != place


def test_archive_is_known_by_content_not_by_name(
    home: Settings, tmp_path: Path, classes: Classes
) -> None:
    """A zip under any name is a zip; a folder is never taken for one."""
    folder = classes(cat=3, dog=3)
    archive = packed(folder, tmp_path / "packed.zip").rename(tmp_path / "packed")
    assert opened(archive, home).version == read_dataset(folder).version
    named = folder.rename(tmp_path / "folder.zip")
    assert open_source(named, home).path == named


def test_what_macos_adds_is_no_class(home: Settings, tmp_path: Path, classes: Classes) -> None:
    """The folder __MACOSX of a zip is left out, with all that is in it."""
    archive = packed(classes(cat=3, dog=3), tmp_path / "photos.zip", within="photos/")
    with zipfile.ZipFile(archive, "a") as opened_zip:
        opened_zip.writestr("__MACOSX/photos/._1.png", b"x")
    assert opened(archive, home).labels == ("cat", "dog")


@pytest.mark.parametrize("flagged", [True, False])
def test_names_in_any_script_survive(
    home: Settings, tmp_path: Path, classes: Classes, *, flagged: bool
) -> None:
    """Classes keep their names, also from tools that write UTF-8 and do not say so."""
    names = ("猫", "собака", "कुत्ता", "größe")
    folder = classes(**dict.fromkeys(names, 3))
    archive = packed(folder, tmp_path / "photos.zip")
    if not flagged:
        archive.write_bytes(_without_flag(archive.read_bytes()))
    assert opened(archive, home).labels == read_dataset(folder).labels


def _without_flag(content: bytes) -> bytes:
    """A zip's content without the mark that names are UTF-8."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(magic)
        while place >= 0:
            changed[place + offset + 1] &= ~0x08
            place = changed.find(magic, place + 4)
    return bytes(changed)


def test_several_processes_unpack_once(home: Settings, tmp_path: Path, classes: Classes) -> None:
    """Whoever comes while an archive is unpacked waits, and finds it whole."""
    archive = packed(classes(cat=20, dog=20), tmp_path / "photos.tar.gz")
    code = f"""
from midrib.datasets.sources import open_source
from midrib.settings import Settings
found = open_source({str(archive)!r}, Settings(home={str(home.folder)!r})).path
print(sum(1 for _ in found.rglob("*.png")))
"""
    call = [sys.executable, "-c", code]
    running = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [each.communicate()[0].strip() for each in running] == ["40"] * 3
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: open_source(archive, home).path, range(4)))
    assert len(found) == 1


def test_killed_while_unpacking_leaves_nothing_and_begins_again(
    home: Settings, tmp_path: Path, classes: Classes
) -> None:
    """SIGKILL at any moment leaves no half folder under a name that is read."""
    archive = packed(classes(cat=20, dog=20), tmp_path / "photos.zip")
    code = f"""
import os, signal, sys
from midrib.datasets.sources import open_source
from midrib.reporting import Reporter
from midrib.settings import Settings
from contextlib import contextmanager
class Killer(Reporter):
    @contextmanager
    def bar(self, title):
        yield lambda done, total, text: done == 20 and os.kill(os.getpid(), signal.SIGKILL)
open_source({str(archive)!r}, Settings(home={str(home.folder)!r}), reporter=Killer())
"""
    finished = subprocess.run([sys.executable, "-c", code], check=False)
    assert finished.returncode == -signal.SIGKILL
    [place] = (home.sources / "unpacked").iterdir()
    assert not (place / "files").exists()
    assert len(opened(archive, home).items) == 40
    assert sorted(path.name for path in place.iterdir()) == ["files", "lock"]


def test_folder_table_and_file_url_are_taken_as_they_are(home: Settings, classes: Classes) -> None:
    """What is local is not copied, however it is named."""
    folder = classes(cat=3, dog=3)
    rows = [f"{path.relative_to(folder)},{path.parent.name}" for path in folder.glob("*/*.png")]
    table = folder / "labels.csv"
    table.write_text("\n".join(["path,label", *rows]))
    for place in (folder, table):
        for named in (place, str(place), place.as_uri()):
            found = open_source(named, home)
            assert found.path == place
            assert not found.is_copy
            assert found.named == str(place)
    assert not home.sources.exists()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/data/My Photos", "my-photos"),
        ("/data/photos.tar.gz", "photos"),
        ("/data/photos.ZIP", "photos"),
        ("/data/labels.csv", "labels"),
        ("s3://bucket/some/Photos/", "photos"),
        ("s3://bucket/photos.tgz", "photos"),
        ("s3://bucket", "bucket"),
        ("file:///data/photos.zip", "photos"),
        ("/data/猫", "model"),
    ],
)
def test_source_is_called_by_its_last_part(source: str, name: str) -> None:
    """A model, and where splits are remembered, is named without an archive's suffix."""
    assert source_name(source) == name


def test_place_tells_no_password_and_does_not_depend_on_a_slash() -> None:
    """What is shown and remembered of a URL holds no secret."""
    assert place_of("sftp://me:secret@host/photos/") == "sftp://host/photos"
    assert place_of("s3://bucket/a") == place_of("s3://bucket/a/")


def test_missing_source_is_told(home: Settings, tmp_path: Path) -> None:
    """A path that is not there is a data error."""
    with pytest.raises(DatasetError, match="does not exist"):
        open_source(tmp_path / "none.zip", home)


def test_folder_that_loses_pictures_while_it_is_read(classes: Classes) -> None:
    """Every picture that was seen is read or named as a problem; nothing crashes."""
    folder = classes(cat=150, dog=150)
    seen = sorted(folder.rglob("*.png"))

    def meddle(done: int, total: int) -> None:
        if done == 1:
            for path in seen[::2]:
                path.unlink()
            shutil.rmtree(folder / "dog")
            (folder / "cat" / "late.png").write_bytes(b"half a picture")
        assert total == len(seen)

    found = read_dataset(folder, progress=meddle, needs="pictures")
    told = {problem.path for problem in found.problems}
    assert {item.path for item in found.items} | told == set(seen)
    assert told <= {path for path in seen if not path.exists()}


def test_folder_that_changes_while_it_is_listed(tmp_path: Path, classes: Classes) -> None:
    """Folders that come and go under the reader give items, problems or one clear error."""
    folder = classes(cat=30, dog=30, cow=30)
    spare = shutil.copytree(folder, tmp_path / "spare")
    meddler = subprocess.Popen([sys.executable, "-c", _MEDDLE, str(folder), str(spare)])
    until = time.monotonic() + 20
    read_whole = 0
    try:
        while read_whole < 5 and time.monotonic() < until:
            try:
                found = read_dataset(folder)
            except DatasetError:
                continue
            assert all(item.sha256 for item in found.items)
            read_whole += 1
    finally:
        meddler.kill()
        meddler.wait()


_MEDDLE = """
import shutil, sys
from pathlib import Path
folder, spare = Path(sys.argv[1]), Path(sys.argv[2])
while True:
    for name in ("cat", "dog"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(spare / name, folder / name, dirs_exist_ok=True)
"""

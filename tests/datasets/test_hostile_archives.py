"""Archives that want out of their folder, or to fill the disk."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midrib.datasets.sources import SourceLimits, open_source
from midrib.datasets.sources.members import Checker, Member
from midrib.errors import DatasetError, StorageError
from midrib.reporting import Advance, Reporter
from midrib.settings import Settings

SMALL = SourceLimits(max_files=50, max_bytes=1_000_000, max_ratio=20, small_bytes=10_000)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def zipped(path: Path, files: dict[str, bytes], **modes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = modes.get(name, 0o100644) << 16
            archive.writestr(info, content)
    return path


def tarred(path: Path, *infos: tarfile.TarInfo, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for info in infos:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    return path


def tar_info(name: str, *, size: int = 3, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    info.size = size if kind == tarfile.REGTYPE else 0
    return info


def written(settings: Settings) -> list[Path]:
    """Files of the cache but its locks."""
    found = settings.folder.rglob("*")
    return [path for path in found if path.is_file() and path.name != "lock"]


def assert_refused(archive: Path, settings: Settings, *words: str) -> None:
    """A data error that says what came; nothing at all is written."""
    with pytest.raises(DatasetError) as caught:
        open_source(archive, settings, limits=SMALL)
    for word in words:
        assert word in str(caught.value)
    assert written(settings) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../outside.png", "'..'"),
        ("good/../../outside.png", "'..'"),
        ("/etc/cron.d/x", "absolute"),
        ("C:/x.png", "absolute"),
        ("a" * 300 + ".png", "255"),
        ("/".join("a" * 100), "64"),
        ("/".join(["long" * 20] * 20), "1024"),
    ],
)
def test_names_that_leave_the_folder_are_refused(home: Settings, name: str, said: str) -> None:
    """Neither zip nor tar may name what lies elsewhere, or what no disk takes."""
    folder = home.folder.parent
    files = {"good/1.png": b"x", name: b"x"}
    assert_refused(zipped(folder / "a.zip", files), home, said)
    infos = [tar_info(each) for each in files]
    assert_refused(tarred(folder / "a.tar", *infos), home, said)
    assert_refused(tarred(folder / "a.tgz", *infos, mode="w:gz"), home, said)
    assert not (folder / "outside.png").exists()


def test_backslashes_of_windows_are_folders_and_lead_no_further(home: Settings) -> None:
    """A zip made with backslashes is read as it was meant; with '..' in them it is refused."""
    folder = home.folder.parent
    meant = zipped(folder / "meant.zip", {"good\\1.png": b"x", "bad\\1.png": b"y"})
    assert (open_source(meant, home).path / "good" / "1.png").read_bytes() == b"x"
    bad = zipped(folder / "bad.zip", {"good\\..\\..\\1.png": b"x"})
    with pytest.raises(DatasetError, match=r"'\.\.'"):
        open_source(bad, home)


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["symlink", "hard link", "character device", "block device", "pipe"],
)
def test_links_and_devices_are_refused(home: Settings, kind: bytes) -> None:
    """A tar may hold plain files and folders, nothing else."""
    archive = tarred(home.folder.parent / "a.tar", tar_info("a/1"), tar_info("a/2", kind=kind))
    assert_refused(archive, home, "link or a device", "a/2")


def test_link_in_a_zip_is_refused(home: Settings) -> None:
    """A zip made on Unix can hold links too."""
    files = {"a/1.png": b"x", "link": b"/etc/passwd"}
    assert_refused(zipped(home.folder.parent / "a.zip", files, link=0o120777), home, "link")


@pytest.mark.parametrize(
    "names",
    [
        ("a/cat.png", "a/Cat.png"),
        ("Cat/1.png", "cat/2.png"),
        ("a/straße.png", "a/STRASSE.png"),
        ("a/\u00e9.png", "a/e\u0301.png"),
        ("a/1.png", "a/1.png"),
        ("x", "x/1.png"),
        ("x/1.png", "x"),
        ("a/./1.png", "a//1.png"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_clash_on_some_disk_are_refused(home: Settings, names: tuple[str, ...]) -> None:
    """Names that differ in case, in Unicode form or not at all are told, not overwritten."""
    folder = home.folder.parent
    infos = [tar_info(name) for name in names]
    assert_refused(tarred(folder / "a.tar", *infos), home, "holds")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    assert_refused(folder / "a.zip", home, "holds")


def test_too_many_files_are_refused(home: Settings) -> None:
    """The number of files is bounded before one is written."""
    names = [f"a/{number}.png" for number in range(60)]
    folder = home.folder.parent
    assert_refused(zipped(folder / "a.zip", dict.fromkeys(names, b"x")), home, "50")
    assert_refused(tarred(folder / "a.tar", *map(tar_info, names)), home, "50")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_bombs_are_refused(home: Settings, suffix: str) -> None:
    """Neither more bytes than allowed nor far more than were packed come out."""
    for size, said in ((2_000_000, "1,000,000"), (500_000, "20 times")):
        archive = home.folder.parent / f"{size}.{suffix}"
        if suffix == "zip":
            zipped(archive, {"a/1.png": bytes(size)})
        else:
            tarred(archive, tar_info("a/1.png", size=size), mode=f"w:{suffix[4:]}")
        assert_refused(archive, home, said)


def test_name_of_gigabytes_takes_no_memory(home: Settings) -> None:
    """A tar's long name that would be read at once is refused by its told length."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    archive = home.folder.parent / "a.tar.gz"
    with gzip.open(archive, "wb") as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        stream.write(bytes(1 << 16))
    assert_refused(archive, home, "name or header")


def test_zip_that_lies_about_its_list_is_refused(home: Settings) -> None:
    """A list of files that would take gigabytes is refused by its told length."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xF0000000, 0, 0)
    archive = home.folder.parent / "a.zip"
    archive.write_bytes(b"PK\x03\x04" + bytes(40) + end)
    assert_refused(archive, home, "list of files")


def test_zip_that_lies_about_sizes_is_refused(home: Settings) -> None:
    """What is told small and is large is stopped where it was told to end."""
    archive = zipped(home.folder.parent / "a.zip", {"a/1.png": bytes(5_000)})
    honest, lie = struct.pack("<L", 5_000), struct.pack("<L", 5)
    archive.write_bytes(archive.read_bytes().replace(honest, lie))
    assert_refused(archive, home, "a.zip")


def test_encrypted_zip_is_refused(home: Settings) -> None:
    """A file behind a password is named."""
    archive = zipped(home.folder.parent / "a.zip", {"a/secret.png": b"x"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    assert_refused(archive, home, "encrypted", "secret.png")


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_cut_archive_is_refused(home: Settings, suffix: str, share: float) -> None:
    """An archive that ends early gives nothing, whatever its kind."""
    archive = home.folder.parent / f"cut.{suffix}"
    noise = {f"a/{number}.png": bytes(range(256)) * number for number in range(1, 9)}
    if suffix == "zip":
        zipped(archive, noise)
    else:
        with tarfile.open(archive, f"w:{suffix[4:]}") as opened:
            for name, content in noise.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                opened.addfile(info, io.BytesIO(content))
    whole = archive.read_bytes()
    end = len(whole.rstrip(b"\0")) if suffix == "tar" else len(whole)
    archive.write_bytes(whole[: int(end * share)])
    assert_refused(archive, home, "cut")


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz", "photos.tar"])
@pytest.mark.parametrize("content", [b"", b"no archive at all", b"\x1f\x8bno gzip"])
def test_what_is_no_archive_is_told(home: Settings, name: str, content: bytes) -> None:
    """A file that is only called an archive is a data error of one line."""
    archive = home.folder.parent / name
    archive.write_bytes(content)
    assert_refused(archive, home, name)


@given(content=st.binary(max_size=600), head=st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", b""]))
def test_noise_is_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, head: bytes
) -> None:
    """Whatever bytes a zip has, it is read or refused in one line."""
    folder = tmp_path_factory.mktemp("noise")
    (folder / "a.zip").write_bytes(head + content)
    with pytest.raises(DatasetError):
        open_source(folder / "a.zip", Settings(home=folder / "home"))


PARTS = st.text(st.sampled_from(list("aAbß./\\\u0301é:C ")), max_size=8)


@given(names=st.lists(PARTS, max_size=8))
def test_checked_names_stay_inside_and_apart(names: list[str]) -> None:
    """Names that pass lead below the folder, and no two of them meet on any disk."""
    checker = Checker("a", SourceLimits())
    passed: list[tuple[str, ...]] = []
    for name in names:
        try:
            passed += [each.parts for each in checker.check([Member(name, 1)])]
        except DatasetError:
            continue
    root = Path("/root-of-all")
    for parts in passed:
        path = root.joinpath(*parts)
        assert path.is_relative_to(root)
        assert ".." not in path.parts
        assert path != root
    folded = ["/".join(parts).casefold() for parts in passed]
    assert len(folded) == len(set(folded))
    for one in folded:
        assert not any(other.startswith(one + "/") for other in folded)


class Meddler(Reporter):
    """Touches a file whenever it is told how far something is."""

    def __init__(self, victim: Path) -> None:
        self._victim = victim

    @contextmanager
    def bar(self, title: str) -> Iterator[Advance]:  # noqa: ARG002 - what is done does not matter
        yield lambda *_: self._victim.touch()


def test_archive_that_changes_while_it_is_unpacked_is_refused(home: Settings) -> None:
    """What was checked is what is written: a file that is exchanged meanwhile gives nothing."""
    archive = zipped(home.folder.parent / "a.zip", {f"a/{n}.png": b"x" for n in range(5)})
    with pytest.raises(DatasetError, match="changed while it was read"):
        open_source(archive, home, reporter=Meddler(archive))
    assert written(home) == []


def test_disk_without_room_is_told_before_writing(tmp_path: Path) -> None:
    """What would not fit is refused with how much is free."""
    checker = Checker("photos.zip", SourceLimits(max_bytes=1 << 62))
    assert len(list(checker.check([Member("a.png", 1 << 61)]))) == 1
    with pytest.raises(StorageError, match="that are free"):
        checker.require_room(tmp_path)

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_package import make_tiny_package, picture_bytes

from midrib.errors import PackageError, StorageError, UnknownNameError
from midrib.packages import (
    Card,
    Package,
    PackageContent,
    open_package,
    restamp_package,
    verify_package,
    write_package,
)
from midrib.packages.card import Decision
from midrib.storage import file_sha256

FILES = (
    "fp32.onnx",
    "model.json",
    "reference.json",
    "samples/0.png",
    "samples/1.png",
    "samples/2.png",
    "samples/answers.json",
)
_OPEN_WITHOUT_LAB = """
import sys
from pathlib import Path
from midrib.packages import open_package, verify_package
package = open_package(Path(sys.argv[1]))
verify_package(package)
assert package.samples and package.reference.pictures
loaded = {"torch", "onnx", "onnxruntime", "openvino", "mlflow", "matplotlib"} & set(sys.modules)
assert not loaded, loaded
"""


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return make_tiny_package(tmp_path / "colours", version=3)


@pytest.fixture
def manifest(package: Package) -> Path:
    return package.folder / "manifest.sha256"


def rewrite_card(package: Package, **fields: object) -> None:
    path = package.folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def content_of(package: Package, card: Card | None = None) -> PackageContent:
    return PackageContent(
        card=card or package.card,
        files={"fp32.onnx": package.folder / "fp32.onnx"},
        reference=package.reference,
        samples=package.samples,
    )


def test_reads_back_what_was_written(package: Package, tmp_path: Path) -> None:
    """A package written from what was read of another is the same, byte for byte."""
    copy = write_package(content_of(package), tmp_path / "copy")
    assert copy.card == package.card
    assert copy.reference == package.reference
    assert copy.samples == package.samples
    assert contents(copy.folder) == contents(package.folder)


def test_verifies_what_was_written(package: Package) -> None:
    """An untouched package passes, and the verdict says what was looked at."""
    verdict = verify_package(package.folder)
    assert (verdict.name, verdict.version, verdict.files) == ("colours", 3, len(FILES))
    assert verdict.bytes == sum((package.folder / name).stat().st_size for name in FILES)


def test_manifest_is_what_sha256sum_checks(package: Package, manifest: Path) -> None:
    """The manifest lists every file with the hash of its bytes, in the usual form."""
    assert dict(line.split("  ")[::-1] for line in manifest.read_text().splitlines()) == {
        name: hashlib.sha256((package.folder / name).read_bytes()).hexdigest() for name in FILES
    }
    sha256sum = shutil.which("sha256sum")
    if sha256sum:
        subprocess.run(
            [sha256sum, "--check", "--strict", manifest.name],
            cwd=package.folder,
            check=True,
            capture_output=True,
        )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_one_changed_byte_is_found(package: Package, name: str, place: float) -> None:
    """A single changed bit in any file, anywhere in it, is found and the file is named."""
    path = package.folder / name
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(PackageError, match=f"(?s){name}"):
        verify_package(package.folder)


def test_missing_file_is_named(package: Package) -> None:
    """A listed file that is gone is named."""
    (package.folder / "samples" / "1.png").unlink()
    with pytest.raises(PackageError, match=r"samples/1\.png in .* is missing"):
        verify_package(package)


def test_extra_file_is_named(package: Package) -> None:
    """A file that the manifest does not list is named."""
    (package.folder / "samples" / "readme.txt").write_text("hello")
    with pytest.raises(PackageError, match=r"samples/readme\.txt in .* is not in the manifest"):
        verify_package(package)


@pytest.mark.parametrize("target", ["/etc/hostname", "../fp32.onnx", "fp32.onnx"])
def test_link_is_refused(package: Package, target: str) -> None:
    """A link in a package is refused wherever it points to."""
    (package.folder / "samples" / "link").symlink_to(target)
    with pytest.raises(PackageError, match=r"samples/link in .* is a link"):
        verify_package(package)


def test_link_to_a_folder_is_refused(package: Package, tmp_path: Path) -> None:
    """A linked folder is refused and not walked into."""
    (tmp_path / "elsewhere").mkdir()
    (package.folder / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackageError, match=r"more in .* is a link"):
        verify_package(package)


@pytest.mark.parametrize(
    "line",
    [
        "{hash}  ../outside",
        "{hash}  samples/../../outside",
        "{hash}  /etc/hostname",
        "{hash}  samples\\0.png",
        "{hash} fp32.onnx",
        "{hash}  ",
        "abc  fp32.onnx",
        "fp32.onnx",
    ],
)
def test_manifest_with_a_bad_line_is_refused(package: Package, manifest: Path, line: str) -> None:
    """A path out of the package, or no path at all, is refused when the package is opened."""
    manifest.write_text(manifest.read_text() + line.format(hash="0" * 64) + "\n")
    with pytest.raises(PackageError, match="has the line"):
        open_package(package.folder)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_missing_manifest_is_no_package(
    package: Package, manifest: Path, content: bytes | None
) -> None:
    """Without a readable manifest a folder is no package."""
    manifest.unlink() if content is None else manifest.write_bytes(content)
    with pytest.raises(PackageError, match=r"no readable manifest\.sha256"):
        open_package(package.folder)


def test_folder_that_is_not_there_is_no_package(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a file, is refused with what to give instead."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(PackageError, match=r"is not a folder.*that 'midrib train'"):
            open_package(path)


def test_unknown_key_in_the_card_is_refused(package: Package) -> None:
    """A key that this midrib does not know is refused with the nearest one it does."""
    rewrite_card(package, lables=["a", "b"])
    with pytest.raises(PackageError, match=r"unknown option 'lables'.*did you mean 'labels'"):
        open_package(package.folder)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"card_format": 2}, "card_format"),
        ({"labels": ["alone"]}, "labels"),
        ({"name": "Not A Name"}, "name"),
        ({"name": "../up"}, "name"),
        ({"variants": []}, "variants"),
        ({"input": {"height": 8, "width": 8}}, "input size and preprocessing size differ"),
        ({"decision": {"positive": "red"}}, "a positive class needs two labels"),
    ],
)
def test_card_that_cannot_be_meant_is_refused(
    package: Package, fields: dict[str, object], said: str
) -> None:
    """A card that contradicts itself or its format is refused with the field's name."""
    rewrite_card(package, **fields)
    with pytest.raises(PackageError, match=said):
        open_package(package.folder)


@pytest.mark.parametrize("name", ["model.json", "reference.json", "samples/answers.json"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b""])
def test_broken_json_is_a_package_error(package: Package, name: str, content: bytes) -> None:
    """A table of the package that is broken is refused by name, whenever it is read."""
    (package.folder / name).write_bytes(content)
    with pytest.raises(PackageError, match=name):
        read_all(package.folder)


@pytest.mark.parametrize("name", ["reference.json", "samples/answers.json", "samples/2.png"])
def test_missing_parts_are_package_errors(package: Package, name: str) -> None:
    """A part that is gone is refused by name when it is needed."""
    (package.folder / name).unlink()
    with pytest.raises(PackageError, match=name):
        read_all(package.folder)


def test_unknown_key_in_the_reference_is_refused(package: Package) -> None:
    """Reference statistics of another form are refused in one line."""
    path = package.folder / "reference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pictres": 1}))
    with pytest.raises(PackageError, match="did you mean 'pictures'"):
        read_all(package.folder)


def test_sample_name_stays_inside(package: Package, tmp_path: Path) -> None:
    """A sample's name that points out of the package is looked for inside it only."""
    (tmp_path / "secret.png").write_bytes(picture_bytes("red"))
    answers = package.folder / "samples" / "answers.json"
    answers.write_text(json.dumps({"../../secret.png": [1, 0, 0]}))
    with pytest.raises(PackageError, match=r"samples/secret\.png cannot be read"):
        read_all(package.folder)


@pytest.mark.parametrize("answer", [[0.5, 0.5], [1.0, 0.0, "x"], {"red": 1.0}, None])
def test_answers_that_cannot_be_probabilities_are_refused(package: Package, answer: object) -> None:
    """A sample's answer has one number a label."""
    answers = package.folder / "samples" / "answers.json"
    answers.write_text(json.dumps({"0.png": answer}))
    with pytest.raises(PackageError, match=r"3 probabilities"):
        read_all(package.folder)


def read_all(folder: Path) -> None:
    opened = open_package(folder)
    assert opened.reference.pictures
    assert opened.samples


def test_variant_is_found_by_name(package: Package) -> None:
    """A variant's file is found by the variant's name; an unknown one gets the nearest."""
    assert package.file(package.card.variant("fp32")) == package.folder / "fp32.onnx"
    assert package.card.variant() == package.card.variant("fp32")
    with pytest.raises(UnknownNameError, match="did you mean 'fp32'"):
        package.card.variant("fp23")


def test_variant_that_is_not_listed_is_refused(package: Package) -> None:
    """A variant whose file the manifest does not list is not handed out."""
    foreign = package.card.variant().model_copy(update={"file": "../../fp32.onnx"})
    with pytest.raises(PackageError, match="is not in the manifest"):
        package.file(foreign)


def test_preprocessing_that_is_not_implemented_is_found(package: Package, tmp_path: Path) -> None:
    """A whole package made by another preprocessing does not verify."""
    card = package.card.model_copy(update={"preprocessing_hash": "0" * 64})
    foreign = write_package(content_of(package, card), tmp_path / "foreign")
    with pytest.raises(PackageError, match="not one that this midrib implements"):
        verify_package(foreign)


def test_restamping_changes_the_card_only(package: Package, tmp_path: Path) -> None:
    """A restamped package has the other card, verifies, and shares every other byte."""
    card = package.card.model_copy(update={"name": "hues", "version": 4})
    stamped = restamp_package(package, card, tmp_path / "hues")
    assert verify_package(stamped).name == "hues"
    for name in FILES:
        same = file_sha256(stamped.folder / name) == file_sha256(package.folder / name)
        assert same == (name != "model.json")


def test_package_takes_the_place_of_an_older_one(package: Package) -> None:
    """Writing where a package stands replaces it whole."""
    (package.folder / "samples" / "old.png").write_bytes(b"old")
    content = content_of(package, package.card.model_copy(update={"version": 9}))
    assert verify_package(write_package(content, package.folder)).version == 9
    assert not (package.folder / "samples" / "old.png").exists()


def test_pictures_are_never_replaced_by_a_package(package: Package, tmp_path: Path) -> None:
    """A folder that holds anything but a package is kept, and the error says so."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.png").write_bytes(picture_bytes("red"))
    with pytest.raises(StorageError, match="choose another path"):
        write_package(content_of(package), tmp_path / "photos")
    with pytest.raises(StorageError, match="choose another path"):
        restamp_package(package, package.card, tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["holiday.png"]


def test_missing_source_leaves_nothing_behind(package: Package, tmp_path: Path) -> None:
    """Where a file to pack is gone nothing is written."""
    content = PackageContent(
        card=package.card,
        files={"fp32.onnx": tmp_path / "gone.onnx"},
        reference=package.reference,
        samples=package.samples,
    )
    with pytest.raises(StorageError):
        write_package(content, tmp_path / "broken")
    assert not list(tmp_path.glob("*broken*"))
    assert not list(tmp_path.glob(".midrib-aside-*"))


def test_decision_round_trips_through_the_card(tmp_path: Path) -> None:
    """A threshold is read back exactly as it was chosen."""
    decision = Decision(positive="green", threshold=0.1 + 0.2)
    package = make_tiny_package(tmp_path / "p", labels=("blue", "green"), decision=decision)
    assert open_package(package.folder).card.decision == decision


def test_reading_needs_no_lab_and_no_engine(package: Package) -> None:
    """A fresh process reads and verifies a package without torch, onnx or an engine."""
    command = [sys.executable, "-c", _OPEN_WITHOUT_LAB, str(package.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr

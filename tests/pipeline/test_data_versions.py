from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from photos import make_class_folders
from pipeline.conftest import World
from tiny_package import make_tiny_package

from midrib.datasets.index import IndexItems, open_index, write_index
from midrib.errors import DatasetError, UnknownNameError
from midrib.pipeline import DataDifference, check, data_versions, diff_data, index_data, split
from midrib.pipeline.run_data import divide_for_training
from midrib.reporting import SILENT
from midrib.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return make_class_folders(tmp_path / "my-photos", each=8)


def counted(difference: DataDifference) -> dict[str, int]:
    """Kinds of change that there are."""
    kinds = {kind: sum(parts.values()) for kind, parts in difference.counts.items()}
    return {kind: count for kind, count in kinds.items() if count}


def test_splitting_and_indexing_keep_the_same_version(pictures: Path, settings: Settings) -> None:
    """What is split is kept; an index of it has the splits, and is kept once."""
    divided = split(pictures, settings=settings)
    indexed = index_data(pictures, settings=settings)
    assert indexed.dataset.version == divided.dataset.version
    (kept,) = data_versions(pictures, settings=settings).versions
    assert kept.folder == indexed.folder
    opened = open_index(kept.folder)
    assert list(opened.items) == list(divided.dataset.items)
    assert data_versions(pictures.parent, settings=settings).versions == ()
    assert data_versions(settings=settings).versions == (kept,)


def test_each_edit_is_told(pictures: Path, settings: Settings, tmp_path: Path) -> None:
    """A version compared with the source as it is now tells each edit, and the way back."""
    before = split(pictures, settings=settings).dataset
    first, second, third = sorted((pictures / "digit-0").iterdir())[:3]
    shutil.copy(second, tmp_path / "other.png")
    first.rename(pictures / "digit-7" / "moved.png")
    third.write_bytes(third.read_bytes() + b"\0")
    shutil.copy(second, pictures / "digit-0" / "again.png")
    found = diff_data(before.version[:6], pictures, settings=settings)
    assert counted(found) == {"added": 1, "removed": 1, "relabelled": 1, "copied": 1}
    assert found.counts["relabelled"] == {"digit-0 → digit-7": 1}
    assert found.counts["copied"] == {"1 → 2 files": 1}
    assert [change.path for change in found.changes if change.kind == "relabelled"] == [
        "digit-7/moved.png"
    ]
    back = diff_data(pictures, before.version, settings=settings)
    assert counted(back) == counted(found)
    assert json.loads(json.dumps(found.as_record()))["counts"]["moved"] == 0
    told = diff_data(before.version, pictures, most=1, settings=settings).lines()
    assert [line.partition(":")[0] for line in told[2:]] == [
        "added",
        "removed",
        "relabelled",
        "copied",
    ]
    assert told[4] == "relabelled: 1 (digit-0 → digit-7 1): digit-7/moved.png"


def test_a_source_is_the_same_wherever_it_lies(
    pictures: Path, settings: Settings, tmp_path: Path
) -> None:
    """A copy of a source under another name has no difference, whatever its home."""
    shutil.copytree(pictures, tmp_path / "copy")
    found = diff_data(pictures, tmp_path / "copy", settings=settings)
    assert found.before.version == found.after.version
    assert found.lines()[2:] == ["the same contents, labels, annotations and splits"]


@pytest.mark.parametrize("kind", ["name", "version", "run", "run name", "package"])
def test_the_data_of_a_model_is_found_again(world: World, kind: str) -> None:
    """A name, a version of it, its run and its package each lead to the data learnt from."""
    trained = world.trained
    meant = {
        "name": trained.name,
        "version": f"{trained.name}@{trained.version}",
        "run": str(trained.run.path),
        "run name": trained.run.path.name,
        "package": str(trained.package),
    }[kind]
    found = diff_data(meant, world.pictures, settings=world.settings)
    assert counted(found) == {}
    assert found.before.version == trained.dataset.version


def test_versions_name_the_runs_that_learnt_from_them(world: World) -> None:
    """The list of versions leads from data to runs."""
    listed = data_versions(world.pictures, settings=world.settings)
    record = listed.as_record()["versions"]
    assert isinstance(record, list)
    runs = {each["version"]: each["runs"] for each in record}
    assert world.trained.run.path.name in runs[world.trained.dataset.version]
    assert world.trained.run.path.name in "\n".join(listed.lines())


def test_data_of_a_foreign_model_is_not_kept(settings: Settings, tmp_path: Path) -> None:
    """A package from elsewhere says which version is missing."""
    package = make_tiny_package(tmp_path / "package")
    with pytest.raises(DatasetError, match="version 000000000000, is not kept in this home"):
        diff_data(package.folder, package.folder, settings=settings)


def test_what_names_nothing_is_told(pictures: Path, settings: Settings) -> None:
    """A misspelt name is told what could be meant; several versions ask for more digits."""
    with pytest.raises(UnknownNameError, match="'photos' names no data"):
        diff_data("photos", pictures, settings=settings)
    with pytest.raises(DatasetError, match="does not exist"):
        diff_data("nowhere/photos", pictures, settings=settings)
    with pytest.raises(DatasetError, match="nowhere does not exist, and no version of it is kept"):
        data_versions("nowhere", settings=settings)
    dataset = index_data(pictures, settings=settings).dataset
    twin = settings.datasets / "other" / (dataset.version[:8] + "0" * 56)
    write_index(twin, dataset)
    with pytest.raises(UnknownNameError, match="several versions begin with"):
        diff_data(dataset.version[:5], pictures, settings=settings)


def test_an_index_is_a_source_of_every_verb(
    pictures: Path, settings: Settings, tmp_path: Path
) -> None:
    """Verbs read an index as they read the pictures, and refuse it when those have changed."""
    index = tmp_path / "index"
    dataset = index_data(pictures, output=index, settings=settings).dataset
    assert check(index, settings=settings).counts == check(pictures, settings=settings).counts
    divided = split(index, settings=settings).dataset
    assert {item.path: item.split for item in divided.items} == {
        item.path: item.split for item in split(pictures, settings=settings).dataset.items
    }
    path = dataset.items[0].path
    content = path.read_bytes()
    path.write_bytes(content[::-1])
    check(index, settings=settings)
    with pytest.raises(DatasetError, match=r"have changed since they were indexed \(1\)"):
        index_data(index, fresh=True, settings=settings)
    path.write_bytes(content + b"\0")
    with pytest.raises(DatasetError, match=f"indexed .1.: {path.name}; expected those of version"):
        check(index, settings=settings)


def test_training_reads_from_the_index_where_pictures_lie_now(
    pictures: Path, settings: Settings
) -> None:
    """What is trained on is read row by row; renamed pictures are the same version elsewhere."""
    first = divide_for_training(pictures, None, settings, strict=False, reporter=SILENT)
    assert isinstance(first.dataset.items, IndexItems)
    for picture in sorted(pictures.rglob("*.png"))[::2]:
        picture.rename(picture.with_stem(f"{picture.stem}-renamed"))
    second = divide_for_training(pictures, None, settings, strict=False, reporter=SILENT)
    assert second.dataset.version == first.dataset.version
    assert all(item.path.is_file() for item in second.dataset.items)
    assert {item.sha256: item.split for item in second.dataset.items} == {
        item.sha256: item.split for item in first.dataset.items
    }


def test_killed_writers_leave_no_half_version(pictures: Path, settings: Settings) -> None:
    """Processes that keep the same version, killed at any moment, leave it whole or absent."""
    code = (
        "import shutil, sys\nfrom pathlib import Path\nfrom midrib.settings import Settings\n"
        "from midrib.pipeline import index_data\n"
        "settings = Settings(home=Path(sys.argv[2]))\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    done = index_data(Path(sys.argv[1]), settings=settings)\n"
        "    print('kept', flush=True)\n"
        "    shutil.rmtree(done.folder, ignore_errors=True)"
    )
    command = [sys.executable, "-c", code, str(pictures), str(settings.folder)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for rounds, other in enumerate(others, start=1):
        with other:
            assert other.stdout is not None
            for _ in range(1 + rounds):
                other.stdout.readline()
            other.send_signal(signal.SIGKILL)
    for kept in data_versions(settings=settings).versions:
        assert len(open_index(kept.folder).items) == 24
    indexed = index_data(pictures, settings=settings)
    assert len(open_index(indexed.folder).items) == 24

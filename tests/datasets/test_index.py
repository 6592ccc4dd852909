from __future__ import annotations

import contextlib
import json
import pickle
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import drawn_datasets
import pyarrow as pa
import pytest
from drawn_datasets import ROOT, dataset_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midrib.datasets import SPLITS, Dataset, Item, read_dataset
from midrib.datasets.annotations import Annotation
from midrib.datasets.index import IndexItems, is_index, open_index, write_index
from midrib.datasets.index.kept_rows import GROUPS_HELD
from midrib.datasets.index.writing import ROWS_TOGETHER
from midrib.errors import DatasetError, UsageError

Classes = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for indexes that are replaced by each other."""
    return tmp_path_factory.mktemp("indexes") / "index"


def many(count: int) -> Iterator[Item]:
    """Items that exist one at a time."""
    for number in range(count):
        split = SPLITS[number % 3]
        yield Item(ROOT / f"{number}.jpg", ("cat",), f"{number:064x}", number, split=split)


EMPTY = Dataset(ROOT, (), ("cat",))


@given(drawn_datasets.datasets)
def test_what_is_written_is_what_is_opened(folder: Path, dataset: Dataset) -> None:
    """An index gives back every item and problem as it was, and counts as the dataset does."""
    write_index(folder, dataset)
    opened = open_index(folder)
    assert tuple(opened.items) == dataset.items
    assert tuple(opened.items[place] for place in range(len(dataset.items))) == dataset.items
    assert replace(opened, items=()) == replace(dataset, items=())
    assert opened.as_record() == dataset.as_record()
    assert opened.lines() == dataset.lines()
    for split in SPLITS:
        assert list(opened.of(split)) == dataset.of(split)


@given(drawn_datasets.datasets, st.randoms(), st.sampled_from(["/here", "/there/below"]))
def test_order_and_place_are_no_part_of_a_version(
    dataset: Dataset, random: st.DataObject, place: str
) -> None:
    """The same contents elsewhere, under other names and in another order are the same version."""
    moved = [replace(item, path=Path(place) / f"{n}") for n, item in enumerate(dataset.items)]
    random.shuffle(moved)
    turned = [replace(item, annotations=item.annotations[::-1]) for item in moved]
    assert replace(dataset, items=tuple(turned), source=Path(place)).version == dataset.version


@given(st.lists(drawn_datasets.items, min_size=1, max_size=5), drawn_datasets.items, st.data())
def test_what_is_said_of_a_picture_is_part_of_the_version(
    drawn: list[Item], other: Item, data: st.DataObject
) -> None:
    """Content, labels, annotations, split and group of a picture count, as does a copy."""
    place = data.draw(st.integers(0, len(drawn) - 1))
    changed = [*drawn]
    changed[place] = other
    same = other.key() == drawn[place].key()
    assert (dataset_of(changed).version == dataset_of(drawn).version) == same
    assert dataset_of([*drawn, drawn[place]]).version != dataset_of(drawn).version


def test_whole_numbers_are_the_same_box(folder: Path) -> None:
    """A box of whole numbers has the version that it has once an index made floats of them."""
    item = Item(ROOT / "1.png", (), "ab" * 32, annotations=(Annotation("cat", (0, -0.0, 4, 2)),))
    dataset = dataset_of([item])
    assert write_index(folder, dataset).version == dataset.version
    assert replace(dataset, items=tuple(open_index(folder).items)).version == dataset.version


def test_slices_and_places_from_the_end_are_those_of_a_list(folder: Path) -> None:
    """Items on disk answer to every index and slice as a list of them does."""
    count = ROWS_TOGETHER + 10
    write_index(folder, EMPTY, many(count))
    items, expected = open_index(folder).items, list(many(count))
    assert len(items) == count
    assert items[-1] == expected[-1]
    assert list(items[ROWS_TOGETHER - 3 : ROWS_TOGETHER + 3 : 2]) == expected[4093:4099:2]
    assert list(items[::-1][:4]) == expected[::-1][:4]
    assert items[::2][-1] == expected[::2][-1]
    with pytest.raises(IndexError):
        items[count]


def test_few_groups_of_rows_are_in_memory(folder: Path) -> None:
    """Whatever is asked for, only the groups that were last used are held, and they are mapped."""
    groups = GROUPS_HELD + 4
    write_index(folder, EMPTY, many(groups * ROWS_TOGETHER))
    before = pa.total_allocated_bytes()
    dataset = open_index(folder)
    items = dataset.items
    assert isinstance(items, IndexItems)
    assert sum(1 for _ in items) == len(items)
    validation = dataset.of("validation")
    assert validation[4000] == items[12001]
    for number in range(groups):
        assert items[number * ROWS_TOGETHER + 5].bytes == number * ROWS_TOGETHER + 5
    assert items._group.cache_info().currsize == GROUPS_HELD
    assert pa.total_allocated_bytes() - before < 1 << 20


def test_items_go_to_other_processes_as_a_place(folder: Path) -> None:
    """Pickled items of a split carry no row, and read the same in whoever gets them."""
    write_index(folder, EMPTY, many(3000))
    learnt = open_index(folder).of("train")
    sent = pickle.dumps(learnt)
    assert len(sent) < 8 * len(learnt) + 1000
    assert list(pickle.loads(sent)) == list(learnt)  # noqa: S301 - written one line above


def test_rows_are_made_again_where_they_are_missing_or_damaged(folder: Path) -> None:
    """The table alone is enough: a lost, foreign or cut file of rows is replaced."""
    write_index(folder, EMPTY, many(50))
    rows = folder / "rows.arrow"
    whole = rows.read_bytes()
    for damaged in (None, b"", whole[:200], whole[:-40]):
        rows.unlink()
        if damaged is not None:
            rows.write_bytes(damaged)
        assert list(open_index(folder).items) == list(many(50))
        assert rows.read_bytes()[-6:] == whole[-6:]


def test_an_index_in_a_folder_that_takes_no_file_is_read(tmp_path: Path) -> None:
    """Where rows cannot be made again beside the table, they are made elsewhere for the while."""
    folder = tmp_path / "index"
    write_index(folder, EMPTY, many(50))
    (folder / "rows.arrow").unlink()
    (folder / "rows.arrow").mkdir()
    assert list(open_index(folder).of("test")) == [i for i in many(50) if i.split == "test"]


def test_an_index_beside_its_pictures_moves_with_them(classes: Classes, tmp_path: Path) -> None:
    """Kept in or beside the pictures' folder, an index finds them wherever both are taken."""
    dataset = read_dataset(classes("old/photos", cat=3, dog=3))
    for place in ("old/photos/.index", "old/photos-index"):
        write_index(tmp_path / place, dataset)
    (tmp_path / "old").rename(tmp_path / "new")
    for place in ("new/photos/.index", "new/photos-index"):
        opened = open_index(tmp_path / place)
        assert opened.source == tmp_path / "new" / "photos"
        assert all(item.path.is_file() for item in opened.items)
        assert opened.version == dataset.version


def test_an_index_away_from_its_pictures_finds_them(classes: Classes, tmp_path: Path) -> None:
    """Kept elsewhere, an index may move; the pictures stay where they are, untouched."""
    source = classes("old/photos", cat=3, dog=3)
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    dataset = read_dataset(source)
    write_index(tmp_path / "a" / "index", dataset)
    (tmp_path / "a").rename(tmp_path / "b")
    assert open_index(tmp_path / "b" / "index").items[0] == dataset.items[0]
    assert before == {path: path.stat().st_mtime_ns for path in source.rglob("*")}


def test_a_folder_of_other_things_is_not_replaced(classes: Classes) -> None:
    """Pictures are never replaced by an index of them; an index is, by a newer one."""
    source = classes(cat=3, dog=3)
    with pytest.raises(UsageError, match=r"holds other files \(cat\)"):
        write_index(source, read_dataset(source))
    assert not is_index(source)
    for count in (4, 2):
        write_index(source.parent / "index", EMPTY, many(count))
    assert len(open_index(source.parent / "index").items) == 2


def test_a_writer_that_fails_leaves_the_old_index(tmp_path: Path) -> None:
    """An error half-way leaves what stood there before, and nothing beside it."""
    write_index(tmp_path / "index", EMPTY, many(5))

    def failing() -> Iterator[Item]:
        yield from many(2 * ROWS_TOGETHER)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_index(tmp_path / "index", EMPTY, failing())
    assert len(open_index(tmp_path / "index").items) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema_version": 2}, "schema_version is 2"),
        ({"task": "guessing"}, "task is 'guessing'"),
        ({"colour": 1}, "colour is 1"),
        ({"pictures": {"unsplit": 51}}, "not 51 rows"),
    ],
)
def test_what_is_no_index_is_refused(folder: Path, change: dict[str, object], told: str) -> None:
    """A description that midrib does not know, or that is not of this table, is named."""
    write_index(folder, EMPTY, many(50))
    description = json.loads((folder / "index.json").read_text()) | change
    (folder / "index.json").write_text(json.dumps(description))
    with pytest.raises(DatasetError, match=told):
        open_index(folder).items[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.data())
def test_damaged_rows_never_end_the_process(data: st.DataObject) -> None:
    """Bytes changed anywhere in the mapped file give other rows or one line, never a crash."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "index"
        write_index(folder, EMPTY, many(20))
        rows = bytearray((folder / "rows.arrow").read_bytes())
        for _ in range(3):
            rows[data.draw(st.integers(0, len(rows) - 1))] = data.draw(st.integers(0, 255))
        (folder / "rows.arrow").write_bytes(rows)
        with contextlib.suppress(DatasetError):
            assert len(list(open_index(folder).items)) == 20


@pytest.mark.parametrize("path", ["../secret.png", "a/../../b.png"])
def test_paths_that_climb_are_refused(folder: Path, path: str) -> None:
    """A foreign index cannot name pictures above its source."""
    write_index(folder, EMPTY, [Item(ROOT / path, ("cat",), "ab" * 32)])
    with pytest.raises(DatasetError, match="expected a path without"):
        list(open_index(folder).items)

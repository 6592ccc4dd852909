"""951 tree crowns and 3,396 nuclei go through the index and every format, and come back."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from real_annotations import Box, Crowns, Nuclei, nuclei, tree_crowns

from midrib.datasets import Dataset
from midrib.datasets.annotations import Annotation
from midrib.datasets.formats import DATASET_FORMATS, detect_format, write_dataset
from midrib.datasets.formats.holding import mask_of
from midrib.datasets.index import open_index, write_index
from midrib.datasets.inspection import inspect_pictures
from midrib.datasets.masks import Mask
from midrib.errors import DatasetError

pytestmark = pytest.mark.soak

CROWNS, NUCLEI = 951, 3271 + 125
_WITHOUT_OBJECTS = ("class-folders", "split-folders")
_HOLD_BOXES = ("coco", "csv", "cvat", "imagefolder", "jsonl", "labelme", "voc", "yolo")
_HOLD_ATTRIBUTES = ("coco", "cvat", "jsonl", "labelme", "voc")
_HOLD_MASKS = ("coco", "cvat", "instance-masks", "jsonl", "labelme")


@pytest.fixture(scope="module")
def crowns(tmp_path_factory: pytest.TempPathFactory) -> Crowns:
    return tree_crowns(tmp_path_factory.mktemp("crowns") / "data")


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Nuclei:
    return nuclei(tmp_path_factory.mktemp("nuclei") / "data")


@pytest.fixture(scope="module")
def indexed_crowns(crowns: Crowns, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The crowns, out of an index."""
    return _indexed(read(crowns.folder), tmp_path_factory.mktemp("index") / "crowns")


@pytest.fixture(scope="module")
def indexed_cells(cells: Nuclei, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The nuclei, out of an index."""
    return _indexed(read(cells.folder), tmp_path_factory.mktemp("index") / "nuclei")


def read(source: Path) -> Dataset:
    """Every picture that is named, in the format that ``source`` shows."""
    form = detect_format(source)
    listing = DATASET_FORMATS.get(form)().list_pictures(source)
    items, problems = inspect_pictures(listing.entries)
    told = (*listing.problems, *problems)
    return Dataset(source, tuple(items), tuple(sorted(listing.labels)), told, format=form)


def _indexed(dataset: Dataset, folder: Path) -> Dataset:
    write_index(folder, dataset)
    opened = open_index(folder)
    assert opened.version == dataset.version
    return opened


def there_and_back(dataset: Dataset, name: str, target: Path) -> tuple[Dataset, dict[str, int]]:
    """Written as ``name`` and read again, with how often each loss was named."""
    written = write_dataset(dataset, target, name)
    lost = [re.fullmatch(r"(.+) \(([\d,]+)\)", each) for each in written.lost]
    back = read(target)
    assert back.format == name
    assert back.problems == ()
    return back, {each[1]: int(each[2].replace(",", "")) for each in lost if each}


def boxes_of(dataset: Dataset) -> dict[str, list[Box]]:
    """Boxes by the name of the picture, in order."""
    return {
        item.path.name: sorted(each.xyxy for each in item.annotations) for item in dataset.items
    }


def masks_of(dataset: Dataset) -> dict[str, Counter[bytes]]:
    """The pixels of each object by the name of the picture."""
    found: dict[str, Counter[bytes]] = defaultdict(Counter)
    for item in dataset.items:
        for each in item.annotations:
            found[item.path.name][packed(mask_of(each, item.height, item.width))] += 1
    return dict(found)


def packed(mask: Mask) -> bytes:
    """A mask to compare: the box that it spans, and its pixels in it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    part = mask[box[0] : box[2], box[1] : box[3]]
    return np.array(box).tobytes() + np.packbits(part).tobytes()


def numbered(cells: Nuclei, of: Callable[[Mask], object]) -> dict[str, Counter[object]]:
    """What ``of`` says of each nucleus, straight from the numbers of the pixels."""
    return {
        name: Counter(of(numbers == number) for number in np.unique(numbers) if number)
        for name, numbers in cells.numbers.items()
    }


def spanned(mask: Mask) -> Box:
    """The box around a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def test_crowns_are_read_as_they_stand(crowns: Crowns, indexed_crowns: Dataset) -> None:
    """VOC is recognised, every box is what the XML says, and pictures without a file are told."""
    assert indexed_crowns.format == "voc"
    assert sum(map(len, crowns.boxes.values())) == CROWNS
    assert boxes_of(indexed_crowns) == crowns.boxes
    assert {problem.kind for problem in indexed_crowns.problems} <= {"no annotation"}


@pytest.mark.parametrize("name", _HOLD_BOXES)
def test_crowns_come_back(name: str, indexed_crowns: Dataset, tmp_path: Path) -> None:
    """Every format that holds boxes gives all 951 back exactly, and names what it cannot hold."""
    back, lost = there_and_back(indexed_crowns, name, tmp_path / name)
    assert boxes_of(back) == boxes_of(indexed_crowns)
    if name in _HOLD_ATTRIBUTES:
        assert lost == {}
        assert back.version == indexed_crowns.version
    else:
        assert lost == {"attributes of objects": CROWNS}
        assert {each.attributes for item in back.items for each in item.annotations} == {()}


@pytest.mark.parametrize("name", ["masks", "instance-masks"])
def test_crowns_are_no_masks(name: str, indexed_crowns: Dataset, tmp_path: Path) -> None:
    """A box is not made a mask by guessing: the pictures come back and 951 objects are named."""
    back, lost = there_and_back(indexed_crowns, name, tmp_path / name)
    assert len(back.items) == len(indexed_crowns.items)
    assert lost == {"objects that are only a box": CROWNS}


@pytest.mark.parametrize("name", _WITHOUT_OBJECTS)
@pytest.mark.parametrize("data", ["indexed_crowns", "indexed_cells"])
def test_folders_of_classes_refuse_what_has_none(
    name: str, data: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Pictures of objects have no class of their own: nothing is written, and why is told."""
    with pytest.raises(DatasetError, match="can hold none of the pictures"):
        write_dataset(request.getfixturevalue(data), tmp_path / name, name)
    assert not any(tmp_path.iterdir())


def test_nuclei_are_read_as_they_stand(cells: Nuclei, indexed_cells: Dataset) -> None:
    """Instance masks are recognised, and each nucleus has the pixels of its number."""
    assert indexed_cells.format == "instance-masks"
    assert sum(len(item.annotations) for item in indexed_cells.items) == NUCLEI
    assert masks_of(indexed_cells) == numbered(cells, packed)


@pytest.mark.parametrize("name", _HOLD_MASKS)
def test_nuclei_come_back(name: str, cells: Nuclei, indexed_cells: Dataset, tmp_path: Path) -> None:
    """Every format that holds masks gives all nuclei back pixel by pixel and names no loss."""
    back, lost = there_and_back(indexed_cells, name, tmp_path / name)
    assert lost == {}
    assert back.version == indexed_cells.version
    assert masks_of(back) == numbered(cells, packed)


def test_nuclei_as_outlines_cover_the_same_pixels(
    cells: Nuclei, indexed_cells: Dataset, tmp_path: Path
) -> None:
    """YOLO holds outlines: each covers the pixels of its nucleus, and the change is named."""
    back, lost = there_and_back(indexed_cells, "yolo", tmp_path / "yolo")
    assert lost == {"masks, which become outlines": NUCLEI}
    assert masks_of(back) == numbered(cells, packed)


@pytest.mark.parametrize("name", ["csv", "imagefolder", "voc"])
def test_nuclei_as_boxes_are_what_they_span(
    name: str, cells: Nuclei, indexed_cells: Dataset, tmp_path: Path
) -> None:
    """Formats of boxes hold the box around each nucleus, and the loss of the rest is named."""
    back, lost = there_and_back(indexed_cells, name, tmp_path / name)
    assert lost == {"masks, which become boxes": NUCLEI}
    assert {file: Counter(boxes) for file, boxes in boxes_of(back).items()} == numbered(
        cells, spanned
    )


def test_nuclei_as_classes_are_the_same_pixels(
    cells: Nuclei, indexed_cells: Dataset, tmp_path: Path
) -> None:
    """Masks of classes hold which pixels are nuclei; that they were several is named."""
    back, lost = there_and_back(indexed_cells, "masks", tmp_path / "masks")
    assert lost == {
        "objects that become one with another of their class": NUCLEI - len(cells.numbers)
    }
    for item in back.items:
        [only] = item.annotations
        assert isinstance(only, Annotation)
        covered = mask_of(only, item.height, item.width)
        np.testing.assert_array_equal(covered, cells.numbers[item.path.name] > 0)


def test_every_format_is_tried() -> None:
    """No format is left out."""
    tried = {*_HOLD_BOXES, *_HOLD_MASKS, *_WITHOUT_OBJECTS, "masks"}
    assert tried == set(DATASET_FORMATS)

"""Pictures that change between their inspection and their use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from midrib.datasets import Dataset, read_dataset
from midrib.datasets.formats import write_dataset
from midrib.datasets.rereading import reread
from midrib.datasets.tiles import TileConfig, cut_dataset
from midrib.errors import DatasetError

Use = Callable[[Dataset, Path], object]


def _linked(dataset: Dataset, target: Path) -> object:
    return write_dataset(dataset, target, "csv")


def _copied(dataset: Dataset, target: Path) -> object:
    return write_dataset(dataset, target, "csv", pictures="copy")


def _cut(dataset: Dataset, target: Path) -> object:
    target.mkdir()
    return cut_dataset(dataset, target, TileConfig(size=16, overlap=4))


@pytest.mark.parametrize("use", [_linked, _copied, _cut])
@pytest.mark.parametrize("how", ["gone", "other", "cut off"])
def test_what_has_changed_meanwhile_is_told(
    use: Use, how: str, classes: Callable[..., Path], tmp_path: Path
) -> None:
    """The picture is named, and nothing of it is taken for what was inspected."""
    dataset = read_dataset(classes(cat=3, dog=3))
    path = dataset.items[2].path
    if how == "gone":
        path.unlink()
    elif how == "other":
        Image.new("RGB", (50, 41), "red").save(path)
    else:
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=f"{path} has changed since it was read"):
        use(dataset, tmp_path / "target")
    assert use is _cut or not (tmp_path / "target").exists()


def test_another_content_of_the_same_size_is_told(classes: Callable[..., Path]) -> None:
    """It is the content that counts."""
    item = read_dataset(classes(cat=3, dog=3)).items[0]
    data = bytearray(reread(item))
    data[-1] ^= 1
    item.path.write_bytes(data)
    with pytest.raises(DatasetError, match="another content"):
        reread(item)

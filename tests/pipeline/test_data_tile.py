"""Big pictures become a data set of tiles that reads like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midrib import pipeline
from midrib.datasets import Dataset, Item, read_dataset
from midrib.datasets.annotations import Annotation
from midrib.datasets.formats import write_dataset
from midrib.datasets.tiles import TileConfig
from midrib.errors import DatasetError
from midrib.storage import ASIDE_PREFIX, file_sha256

CONFIG = TileConfig(size=32, overlap=8)


def class_folders(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for label in ("dry", "wet"):
        (folder / label).mkdir(parents=True)
        pixels = random.integers(0, 256, (48, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / label / f"{label}-field.png")
    return folder


def test_tiles_of_class_folders_are_class_folders(tmp_path: Path) -> None:
    """Each tile is in its picture's class under its picture's name, and nothing else is left."""
    source = class_folders(tmp_path / "fields")
    target = tmp_path / "tiles"
    result = pipeline.tile(source, target, config=CONFIG)
    assert result.as_record() == {
        "target": str(target),
        "format": "class-folders",
        "pictures": 2,
        "tiles": 12,
        "lost": [],
    }
    found = read_dataset(target, needs="pictures")
    assert found.labels == ("dry", "wet")
    assert {item.path.name for item in found.items if item.label == "dry"} == {
        f"dry-field@{left},{top}.png" for left in (0, 24, 48) for top in (0, 16)
    }
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(ASIDE_PREFIX)]


def test_tiles_of_boxes_are_coco(tmp_path: Path) -> None:
    """Boxes go along, each in the tiles that see enough of it, in the tile's pixels."""
    path = tmp_path / "field.png"
    Image.new("RGB", (80, 48), "green").save(path)
    item = Item(
        path,
        (),
        sha256=file_sha256(path),
        width=80,
        height=48,
        format="PNG",
        annotations=(Annotation("tree", (26.0, 2.0, 36.0, 12.0)),),
    )
    source = tmp_path / "source"
    write_dataset(Dataset(tmp_path, (item,), ("tree",)), source, "coco")
    result = pipeline.tile(source, tmp_path / "tiles", config=CONFIG)
    assert result.format == "coco"
    assert result.written.pictures == 6
    boxes = {
        each.path.name: [annotation.xyxy for annotation in each.annotations]
        for each in read_dataset(tmp_path / "tiles").items
        if each.annotations
    }
    assert boxes == {
        "field@0,0.png": [(26.0, 2.0, 32.0, 12.0)],
        "field@24,0.png": [(2.0, 2.0, 12.0, 12.0)],
    }


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """Tiles are never mixed with what lies there already, and no scrap is left."""
    source = class_folders(tmp_path / "fields")
    with pytest.raises(DatasetError, match="there already"):
        pipeline.tile(source, source, config=CONFIG)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fields"]

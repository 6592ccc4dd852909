"""A COCO file far larger than what reading it may take."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

MEGABYTE = 1 << 20
FILE_BYTES = 150 * MEGABYTE
MOST_GROWTH_BYTES = 60 * MEGABYTE
PICTURES = 50
SIDE = 200

MEASURE = """
import resource, sys
from pathlib import Path
from midrib.datasets.formats import DATASET_FORMATS

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

form, table = DATASET_FORMATS.get("coco")(), Path(sys.argv[2])
form.list_pictures(Path(sys.argv[1]))  # whatever is loaded on first use
before = peak()
if sys.argv[3] == "streamed":
    listing = form.list_pictures(table)
    count = sum(len(entry.annotations) for entry in listing.entries)
    assert listing.problems == (), listing.problems[:3]
else:
    import json
    count = len(json.loads(table.read_bytes())["annotations"])
print(count, peak() - before)
"""


def annotations() -> Iterator[str]:
    """Boxes with outlines of 300 corners, until the file is large enough."""
    random = np.random.default_rng(0)
    corners = np.round(random.uniform(0, SIDE, 600), 3).tolist()
    written, number = 0, 0
    while written < FILE_BYTES:
        number += 1
        shape = [*corners[number % 600 :], *corners[: number % 600]]
        record = {"id": number, "image_id": 1 + number % PICTURES, "category_id": 1}
        text = json.dumps({**record, "segmentation": [shape]})
        written += len(text) + 2
        yield text


def write_coco(folder: Path, found: Iterator[str]) -> int:
    """One small picture under fifty names; gives the number of annotations."""
    folder.mkdir()
    names = [f"{number}.png" for number in range(1, PICTURES + 1)]
    for name in names:
        Image.new("L", (SIDE, SIDE)).save(folder / name)
    images = [{"id": n, "file_name": name, "width": SIDE, "height": SIDE}
              for n, name in enumerate(names, start=1)]  # fmt: skip
    count = 0
    with (folder / "all.json").open("w") as stream:
        stream.write(f'{{"images": {json.dumps(images)}, "annotations": [\n')
        for count, text in enumerate(found, start=1):
            stream.write((",\n" if count > 1 else "") + text)
        stream.write(f'], "categories": {json.dumps([{"id": 1, "name": "Baum"}])}}}')
    return count


def measured(small: Path, table: Path, how: str) -> tuple[int, int]:
    """Annotations found, and by how many bytes a process of its own grew."""
    call = [sys.executable, "-c", MEASURE, str(small), str(table), how]
    told = subprocess.run(call, check=True, capture_output=True, text=True).stdout.split()
    return int(told[0]), int(told[1])


def test_a_huge_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """150 MB are read in less than 60 MB more, where parsing them at once takes many times that."""
    write_coco(tmp_path / "small", iter(['{"id": 1, "image_id": 1, "category_id": 1, '
                                         '"bbox": [0, 0, 5, 5]}']))  # fmt: skip
    count = write_coco(tmp_path / "huge", annotations())
    table = tmp_path / "huge" / "all.json"
    assert table.stat().st_size > FILE_BYTES
    found, growth = measured(tmp_path / "small", table, "streamed")
    assert found == count
    assert growth < MOST_GROWTH_BYTES
    found, growth = measured(tmp_path / "small", table, "at once")
    assert found == count
    assert growth > 4 * MOST_GROWTH_BYTES

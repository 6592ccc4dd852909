"""A million pictures are never all in memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from midrib.datasets import SPLITS, Dataset, Item
from midrib.datasets.annotations import Annotation
from midrib.datasets.index import write_index

pytestmark = pytest.mark.soak

ROOT = Path("/pictures")
COUNT = 1_000_000
MOST_MEGABYTES = 200.0

# Anonymous memory is the process's own; mapped pages of the file the system takes back.
READER = """
import json, sys
from pathlib import Path
import pyarrow.parquet
from midrib.datasets.index import open_index

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) / 1024 for each in lines if each.startswith("RssAnon"))

before = peak = own()
dataset = open_index(Path(sys.argv[1]))
train = dataset.of("train")
seen = 0
for items in (dataset.items, train):
    for place, item in enumerate(items):
        seen += item.bytes > 0
        if place % 5_000 == 0:
            peak = max(peak, own())
print(json.dumps({"seen": seen, "train": len(train), "megabytes": max(peak, own()) - before}))
"""


def pictures() -> Iterator[Item]:
    box = Annotation("crown", (10.0, 20.0, 310.5, 220.25))
    for number in range(COUNT):
        yield Item(
            path=ROOT / f"part-{number % 1000:03}" / f"{number:07}.jpg",
            labels=(f"tree-{number % 100}",),
            sha256=hashlib.sha256(number.to_bytes(8)).hexdigest(),
            bytes=100_000 + number,
            split=SPLITS[number % 10 // 8 + number % 10 // 9],
            width=4000,
            height=3000,
            mode="RGB",
            format="JPEG",
            annotations=(box,) if number % 10 == 0 else (),
        )


@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_million_pictures_are_gone_through_in_a_bounded_memory(tmp_path: Path) -> None:
    """Opened, gone through and its training pictures again: each row is read and let go."""
    write_index(tmp_path / "index", Dataset(ROOT, (), ()), pictures())
    finished = subprocess.run(
        [sys.executable, "-c", READER, tmp_path / "index"], check=True, stdout=subprocess.PIPE
    )
    told = json.loads(finished.stdout)
    assert told["train"] == COUNT * 8 // 10
    assert told["seen"] == COUNT + told["train"]
    assert told["megabytes"] < MOST_MEGABYTES

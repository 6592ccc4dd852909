"""Instances: the objects that a detector has drawn, as files whose pixels are their numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from midrib.errors import UsageError
from midrib.pipeline.mask_files import require_names_apart
from midrib.preprocessing import LARGE_LIMITS, upright_size
from midrib.records import Answered, Detections
from midrib.run_lengths import decode_runs
from midrib.storage import write_bytes, write_text

_MOST = (1 << 16) - 1
_FOLDER, _TABLE = "instances", "instances.csv"


def write_instances(answers: Mapping[Path, Answered], folder: Path) -> list[Path]:
    """Write ``instances/<picture>.png``, each pixel an object's number, and ``instances.csv``.

    0 is no object's number; the surest object is 1, and lies above the others.

    Returns where the files are. Raises ``UsageError`` for two pictures of one name or more
    objects than 16 bits can number, ``StorageError`` when the disk refuses.
    """
    found = {path: each for path, each in answers.items() if isinstance(each, Detections)}
    require_names_apart(found)
    rows: list[tuple[str, int, str]] = []
    written = []
    for path, answer in found.items():
        numbers = _numbered(path, answer)
        name = f"{_FOLDER}/{path.stem}.png"
        rows += [(name, number, answer.labels[number - 1]) for number in _present(numbers)]
        written.append(folder / name)
        write_bytes(written[-1], _as_png(numbers))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("path", "number", "label"), *rows])
    write_text(folder / _TABLE, table.getvalue())
    return written


def _numbered(path: Path, answer: Detections) -> NDArray[np.uint16]:
    if len(answer) > _MOST:
        raise UsageError(
            f"{len(answer):,} objects in {path}",
            expected=f"at most {_MOST:,}, as 16 bits can tell apart",
            todo="leave --masks out, and read the masks of --json",
        )
    numbers = np.zeros(upright_size(path.read_bytes(), LARGE_LIMITS), np.uint16)
    for place in reversed(range(len(answer))):
        numbers[decode_runs(answer.masks[place])] = place + 1
    return numbers


def _present(numbers: NDArray[np.uint16]) -> Iterable[int]:
    """Numbers of the objects that something is to be seen of."""
    return [number for number in np.unique(numbers).tolist() if number]


def _as_png(numbers: NDArray[np.uint16]) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(numbers).save(encoded, "PNG")
    return encoded.getvalue()

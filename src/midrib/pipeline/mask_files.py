"""Masks: the classes that a segmenter told of pixels, as files of numbers."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from midrib.errors import UsageError
from midrib.postprocessing import painted
from midrib.records import Answered, Segmentation
from midrib.storage import write_bytes, write_text


def write_masks(
    answers: Mapping[Path, Answered], labels: Sequence[str], folder: Path
) -> list[Path]:
    """Write ``masks/<picture>.png``, each pixel the place of its class, and ``classes.csv``.

    Returns where the masks are. Raises ``UsageError`` for the answers of another task or two
    pictures of one name, ``StorageError`` when the disk refuses.
    """
    told = {path: each for path, each in answers.items() if isinstance(each, Segmentation)}
    if not told:
        raise UsageError(
            "the model answers without classes of pixels or masks of objects",
            expected="a segmenter, or a detector that draws masks",
            todo="leave --masks out",
        )
    require_names_apart(told)
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("value", "label"), *enumerate(labels)])
    write_text(folder / "classes.csv", table.getvalue())
    written = []
    for path, answer in told.items():
        encoded = io.BytesIO()
        Image.fromarray(painted(answer.masks, labels, answer.size)).save(encoded, "PNG")
        written.append(folder / "masks" / f"{path.stem}.png")
        write_bytes(written[-1], encoded.getvalue())
    return written


def require_names_apart(pictures: Iterable[Path]) -> None:
    """Raise ``UsageError`` for pictures of one name, whose masks would be one file."""
    [(stem, count)] = Counter(path.stem for path in pictures).most_common(1)
    if count > 1:
        raise UsageError(
            f"{count} pictures are called {stem}, and each has a mask called so",
            expected="pictures of different names",
            todo="ask about them one folder after the other",
        )

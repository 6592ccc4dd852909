"""Draw: pictures with the objects or masks that were found in them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from midrib.datasets.annotations import Annotation
from midrib.datasets.drawing import Legend, draw_objects
from midrib.datasets.masks import span_of
from midrib.errors import UsageError
from midrib.preprocessing import SUFFIXES, decode
from midrib.records import Answered, Detections, Segmentation
from midrib.storage import write_bytes


def draw_answers(answers: Mapping[Path, Answered], target: Path) -> list[Path]:
    """Write each picture with what was found: to the file ``target``, or several into that folder.

    Returns where they are. Raises ``UsageError`` when there is nothing to draw or ``target`` is
    no name of a picture, ``StorageError`` when the disk refuses.
    """
    found = {
        path: each for path, each in answers.items() if isinstance(each, Detections | Segmentation)
    }
    if not found:
        raise UsageError(
            "a classifier answers without objects to draw",
            expected="a detector or a segmenter",
            todo="leave --draw out",
        )
    if len(found) == 1 and not target.is_dir():
        _require_picture(target)
        [(path, answer)] = found.items()
        _draw(path, answer, target)
        return [target]
    drawn = [target / f"{number:04d}-{path.stem}.png" for number, path in enumerate(found, 1)]
    for (path, answer), file in zip(found.items(), drawn, strict=True):
        _draw(path, answer, file)
    return drawn


def _draw(path: Path, answer: Detections | Segmentation, file: Path) -> None:
    annotations = _boxes(answer) if isinstance(answer, Detections) else _masks(answer)
    legend = Legend.of([each.label for each in annotations])
    pixels = draw_objects(decode(path.read_bytes()), annotations, legend)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, Image.registered_extensions()[file.suffix.lower()])
    write_bytes(file, encoded.getvalue())


def _boxes(answer: Detections) -> list[Annotation]:
    return [
        Annotation(label, (box[0], box[1], box[2], box[3]))
        for label, box in zip(answer.labels, answer.boxes.tolist(), strict=True)
    ]


def _masks(answer: Segmentation) -> list[Annotation]:
    return [Annotation(label, span_of(rle), mask=rle) for label, rle in answer.masks.items()]


def _require_picture(target: Path) -> None:
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{target} is not the name of a picture",
            expected=f"a folder, or a file ending in {', '.join(sorted(SUFFIXES))}",
            todo="write --draw found.png",
        )

"""Draw: pictures with the objects or masks that were found in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from midrib.datasets.drawing import draw_answer, form_of
from midrib.errors import UsageError
from midrib.preprocessing import LARGE_LIMITS, SUFFIXES
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
        form = _required_form(target)
        [(path, answer)] = found.items()
        write_bytes(target, _drawn(path, answer, form))
        return [target]
    drawn = [target / f"{number:04d}-{path.stem}.png" for number, path in enumerate(found, 1)]
    for (path, answer), file in zip(found.items(), drawn, strict=True):
        write_bytes(file, _drawn(path, answer, "PNG"))
    return drawn


def _drawn(path: Path, answer: Detections | Segmentation, form: str) -> bytes:
    return draw_answer(path.read_bytes(), answer, form, limits=LARGE_LIMITS)


def _required_form(target: Path) -> str:
    form = form_of(target) if target.suffix.lower() in SUFFIXES else None
    if form is None:
        raise UsageError(
            f"{target} is not the name of a picture",
            expected=f"a folder, or a file ending in {', '.join(sorted(SUFFIXES))}",
            todo="write --draw found.png",
        )
    return form

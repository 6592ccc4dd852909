"""Run a package over a split, through the very code that serves it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from midrib.engines import Predictor
from midrib.errors import DatasetError, PictureError, UsageError
from midrib.evaluation.answers import Answers, LabelledPicture
from midrib.evaluation.detection_answers import DetectionAnswers
from midrib.evaluation.detection_records import DetectionEvaluation
from midrib.evaluation.records import Evaluation, Skipped
from midrib.evaluation.segmentation_answers import SegmentationAnswers
from midrib.evaluation.segmentation_records import SegmentationEvaluation
from midrib.machine import usable_cores
from midrib.packages import Package
from midrib.records import View

_BATCH_PIXELS = 1 << 21

Progress = Callable[[int, int], None]
AnyEvaluation = Evaluation | DetectionEvaluation | SegmentationEvaluation


class _Answers(Protocol):
    """Asks about pictures, and makes the evaluation of a task from what is answered."""

    def require_known(self, items: Sequence[LabelledPicture]) -> None: ...

    def add(self, items: Sequence[LabelledPicture], views: Sequence[View]) -> None: ...

    def evaluation(self, split: str, skipped: Sequence[Skipped]) -> AnyEvaluation: ...


def evaluate_package(
    package: Package,
    items: Sequence[LabelledPicture],
    predictor: Predictor,
    *,
    split: str,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> AnyEvaluation:
    """Answer every picture of ``items`` and score the answers.

    Files are read, decoded, inferred and decided by `Predictor`, as the server does. A picture
    that cannot be read is named and left out of the scores. Of detectors and segmenters items are
    those of a data set, with their annotations.

    Args:
        package: what is scored.
        items: encoded files with their classes.
        predictor: ``package``, loaded.
        split: what the pictures are: 'train', 'validation' or 'test'.
        batch_size: pictures a call, fewer where they are large.
        progress: told how many pictures are done, of how many.

    Raises:
        DatasetError: there is no picture, none is readable, or a class is unknown to the package.
        UsageError: ``predictor`` runs another package.
    """
    answers = _answers_of(predictor)
    _require_fit(package, items, predictor)
    answers.require_known(items)
    if predictor.tiles:
        batch_size = 1  # pictures are large, and their tiles are batches
    skipped: list[Skipped] = []
    done = 0
    shape = package.card.input
    batch_size = max(1, min(batch_size, _BATCH_PIXELS // (shape.height * shape.width)))
    for batch in _read_ahead(items, predictor, batch_size):
        skipped += [Skipped(item.path, found) for item, found in batch if isinstance(found, str)]
        readable = [(item, found) for item, found in batch if isinstance(found, View)]
        if readable:
            answers.add([item for item, _ in readable], [view for _, view in readable])
        done += len(batch)
        if progress is not None:
            progress(done, len(items))
    if len(skipped) == len(items):
        raise DatasetError(
            f"none of {len(items)} pictures of the {split} split can be read; "
            f"the first is {skipped[0].path}: {skipped[0].reason}",
            expected="pictures",
            todo="run 'midrib data check' on the folder",
        )
    return answers.evaluation(split, skipped)


def _answers_of(predictor: Predictor) -> _Answers:
    if predictor.card.task == "detection":
        return DetectionAnswers(predictor)
    if predictor.card.task == "segmentation":
        return SegmentationAnswers(predictor)
    return Answers(predictor)


def _require_fit(package: Package, items: Sequence[LabelledPicture], predictor: Predictor) -> None:
    if predictor.card != package.card:
        raise UsageError(
            f"the predictor runs {predictor.card.name} version {predictor.card.version}",
            expected=f"{package.card.name} version {package.card.version}",
            todo="load the predictor from the package that is evaluated",
        )
    if not items:
        raise DatasetError(
            "there is no picture to evaluate on",
            expected="at least one",
            todo="choose another split, or add pictures and split again",
        )


def _read_ahead(
    items: Sequence[LabelledPicture], predictor: Predictor, batch_size: int
) -> Iterator[list[tuple[LabelledPicture, View | str]]]:
    """Batches of pictures or reasons, in order; the next one is decoded while one is inferred."""
    waiting: deque[list[tuple[LabelledPicture, Future[View | str]]]] = deque()
    with ThreadPoolExecutor(usable_cores()) as threads:
        for start in range(0, len(items), batch_size):
            batch = items[start : start + batch_size]
            waiting.append([(item, threads.submit(_read, item.path, predictor)) for item in batch])
            if len(waiting) > 1:
                yield [(item, read.result()) for item, read in waiting.popleft()]
        while waiting:
            yield [(item, read.result()) for item, read in waiting.popleft()]


def _read(path: Path, predictor: Predictor) -> View | str:
    try:
        return predictor.view(path.read_bytes())
    except PictureError as problem:
        return str(problem)
    except OSError as problem:
        return f"the file cannot be read: {problem.strerror or problem}"

"""Run a package over a split, through the very code that serves it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from midrib.engines import Predictor
from midrib.errors import DatasetError, PictureError, UsageError
from midrib.evaluation.records import Evaluation, Skipped
from midrib.evaluation.scores import scored
from midrib.machine import usable_cores
from midrib.names import nearest
from midrib.packages import Package, picture_statistics
from midrib.records import Floats, Pixels

Progress = Callable[[int, int], None]


class LabelledPicture(Protocol):
    """A picture file and its class: what a data set's items are."""

    @property
    def path(self) -> Path: ...

    @property
    def label(self) -> str: ...


def evaluate_package(
    package: Package,
    items: Sequence[LabelledPicture],
    predictor: Predictor,
    *,
    split: str,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> Evaluation:
    """Answer every picture of ``items`` and score the answers.

    Files are read, decoded, inferred and decided by `Predictor`, as the server does. A picture
    that cannot be read is named and left out of the scores.

    Args:
        package: what is scored.
        items: encoded files with their classes.
        predictor: ``package``, loaded.
        split: what the pictures are: 'train', 'validation' or 'test'.
        batch_size: pictures a call.
        progress: told how many pictures are done, of how many.

    Raises:
        DatasetError: there is no picture, none is readable, or a class is unknown to the package.
        UsageError: ``predictor`` runs another package.
    """
    labels = tuple(package.card.labels)
    _require_fit(package, items, predictor)
    answered: list[_Answered] = []
    skipped: list[Skipped] = []
    done = 0
    for batch in _read_ahead(items, predictor, batch_size):
        skipped += [Skipped(item.path, found) for item, found in batch if isinstance(found, str)]
        readable = [(item, found) for item, found in batch if not isinstance(found, str)]
        if readable:
            answered.append(_answer(readable, predictor, labels))
        done += len(batch)
        if progress is not None:
            progress(done, len(items))
    if not answered:
        raise DatasetError(
            f"none of {len(items)} pictures of the {split} split can be read; "
            f"the first is {skipped[0].path}: {skipped[0].reason}",
            expected="pictures",
            todo="run 'midrib data check' on the folder",
        )
    return _scored(answered, skipped, package, split)


class _Answered(NamedTuple):
    """A batch of readable pictures, a row each, as in `Evaluation`."""

    paths: list[Path]
    truth: NDArray[np.int64]
    decided: NDArray[np.int64]
    answer: Floats
    embedding: Floats
    statistics: Floats


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
    for item in items:
        if item.label not in package.card.labels:
            close = nearest(item.label, package.card.labels)
            raise DatasetError(
                f"{item.path} has the label '{item.label}', which the package does not know",
                expected="one of: " + ", ".join(package.card.labels[:20]),
                todo=f"did you mean '{close[0]}'?" if close else "train a model on these labels",
            )


def _read_ahead(
    items: Sequence[LabelledPicture], predictor: Predictor, batch_size: int
) -> Iterator[list[tuple[LabelledPicture, Pixels | str]]]:
    """Batches of pictures or reasons, in order; the next one is decoded while one is inferred."""
    waiting: deque[list[tuple[LabelledPicture, Future[Pixels | str]]]] = deque()
    with ThreadPoolExecutor(usable_cores()) as threads:
        for start in range(0, len(items), batch_size):
            batch = items[start : start + batch_size]
            waiting.append([(item, threads.submit(_read, item.path, predictor)) for item in batch])
            if len(waiting) > 1:
                yield [(item, read.result()) for item, read in waiting.popleft()]
        while waiting:
            yield [(item, read.result()) for item, read in waiting.popleft()]


def _read(path: Path, predictor: Predictor) -> Pixels | str:
    try:
        return predictor.read(path.read_bytes())
    except PictureError as problem:
        return str(problem)
    except OSError as problem:
        return f"the file cannot be read: {problem.strerror or problem}"


def _answer(
    readable: list[tuple[LabelledPicture, Pixels]], predictor: Predictor, labels: tuple[str, ...]
) -> _Answered:
    pictures = np.stack([pixels for _, pixels in readable])
    outputs = predictor.infer(pictures)
    decided = [labels.index(prediction.label) for prediction in predictor.answer(outputs)]
    return _Answered(
        paths=[item.path for item, _ in readable],
        truth=np.array([labels.index(item.label) for item, _ in readable], np.int64),
        decided=np.array(decided, np.int64),
        answer=outputs.answer,
        embedding=outputs.embedding,
        statistics=picture_statistics(pictures),
    )


def _scored(
    batches: list[_Answered], skipped: list[Skipped], package: Package, split: str
) -> Evaluation:
    return scored(
        Evaluation(
            split=split,
            labels=tuple(package.card.labels),
            positive=package.card.decision.positive,
            paths=tuple(path for batch in batches for path in batch.paths),
            truth=np.concatenate([batch.truth for batch in batches]),
            answer=np.concatenate([batch.answer for batch in batches]),
            embedding=np.concatenate([batch.embedding for batch in batches]),
            statistics=np.concatenate([batch.statistics for batch in batches]),
            decided=np.concatenate([batch.decided for batch in batches]),
            scores=(),
            skipped=tuple(skipped),
        )
    )

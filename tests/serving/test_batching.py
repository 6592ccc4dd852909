from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from threading import Event, Lock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_probe import until

from midrib.errors import DeadlineError, OverloadedError, PictureError, ServingError
from midrib.records import PixelBatch, Prediction, Size, View
from midrib.serving.batch_size import choose_batch
from midrib.serving.batching import Bench
from midrib.serving.jobs import Answer, Job, Outcome


class Collected:
    """Jobs with what became of each, in the order of the jobs."""

    def __init__(self, count: int) -> None:
        self._lock = Lock()
        self.outcomes: list[list[Outcome]] = [[] for _ in range(count)]

    def jobs(self) -> list[Job]:
        deadline = time.monotonic() + 60
        return [
            Job(bytes([number % 256]), deadline, self._taker(number))
            for number in range(len(self.outcomes))
        ]

    def _taker(self, number: int):  # noqa: ANN202 - a closure's type says nothing more
        def take(outcome: Outcome) -> None:
            with self._lock:
                self.outcomes[number].append(outcome)

        return take

    def all_told(self) -> bool:
        return all(self.outcomes)


def decode(data: bytes) -> View:
    """A picture of 1 × 1 pixels that holds its own byte; odd multiples of five are no pictures."""
    if data[0] % 10 == 5:
        raise PictureError(f"no {data[0]}")
    if data[0] % 10 == 7:
        raise ZeroDivisionError("the decoder has a fault")
    return View(np.full((1, 1, 3), data[0], np.uint8), Size(1, 1))


def infer(views: Sequence[View], *, alone: bool) -> list[Prediction]:
    return [
        Prediction(f"{'alone' if alone else 'crowd'}", float(view.pixels[0, 0, 0]), {}, np.zeros(1))
        for view in views
    ]


@given(
    count=st.integers(1, 60), workers=st.integers(1, 4), batch=st.integers(1, 9), parts=st.data()
)
def test_each_picture_gets_its_own_outcome_once(
    count: int, workers: int, batch: int, parts: st.DataObject
) -> None:
    """However pictures come, each is told exactly one outcome, its own, in batches that fit."""
    bench = Bench(decode, infer, workers=workers, batch=batch, queue_length=count)
    collected = Collected(count)
    jobs = collected.jobs()
    while jobs:
        size = parts.draw(st.integers(1, len(jobs)))
        bench.offer(jobs[:size])
        jobs = jobs[size:]
    bench.close()
    for number, outcomes in enumerate(collected.outcomes):
        [outcome] = outcomes
        if number % 10 == 5:
            assert isinstance(outcome, PictureError)
        elif number % 10 == 7:
            assert isinstance(outcome, ServingError)
            assert isinstance(outcome.__cause__, ZeroDivisionError)
        else:
            assert isinstance(outcome, Answer)
            assert outcome.prediction.score == number
            assert 1 <= outcome.batch <= batch


def test_a_lone_picture_waits_for_nobody() -> None:
    """A picture that comes alone is asked alone, at once, whatever the batch size."""
    bench = Bench(decode, infer, workers=2, batch=8, queue_length=8)
    for _ in range(20):
        collected = Collected(1)
        bench.offer(collected.jobs())
        until(collected.all_told)
        [[answer]] = collected.outcomes
        assert isinstance(answer, Answer)
        assert (answer.prediction.label, answer.batch) == ("alone", 1)
        until(lambda: bench.idle)
    bench.close()


class Held:
    """A decoder that waits at its first picture until it is let go."""

    def __init__(self) -> None:
        self.reached, self.let_go = Event(), Event()

    def __call__(self, data: bytes) -> View:
        if not self.reached.is_set():
            self.reached.set()
            self.let_go.wait()
        return decode(data)


def test_pictures_that_wait_are_asked_together() -> None:
    """What gathered while the worker was busy is asked in full batches."""
    held = Held()
    bench = Bench(held, infer, workers=1, batch=4, queue_length=20)
    collected = Collected(5)
    bench.offer(collected.jobs())
    held.reached.wait()
    held.let_go.set()
    bench.close()
    answers = [outcome for [outcome] in collected.outcomes if isinstance(outcome, Answer)]
    assert Counter(answer.batch for answer in answers) == {4: 4, 1: 1}


def test_a_full_queue_takes_nothing() -> None:
    """Pictures that do not fit are refused together; those in work do not count as waiting."""
    held = Held()
    bench = Bench(held, infer, workers=1, batch=1, queue_length=3)
    first, second, third = Collected(1), Collected(3), Collected(1)
    bench.offer(first.jobs())
    held.reached.wait()
    with pytest.raises(OverloadedError):
        bench.offer(Collected(4).jobs())
    bench.offer(second.jobs())
    with pytest.raises(OverloadedError, match="3 pictures are waiting"):
        bench.offer(third.jobs())
    held.let_go.set()
    bench.close()
    assert first.all_told()
    assert second.all_told()
    assert not third.all_told()
    with pytest.raises(OverloadedError, match="stopped"):
        bench.offer(third.jobs())


def test_expired_pictures_are_never_asked() -> None:
    """Waiting or being decoded, a picture that is given up on is told so once, and not asked."""
    held, asked = Held(), Counter[int]()

    def counting(views: Sequence[View], *, alone: bool) -> list[Prediction]:
        asked.update(int(view.pixels[0, 0, 0]) for view in views)
        return infer(views, alone=alone)

    bench = Bench(held, counting, workers=1, batch=1, queue_length=8)
    collected = Collected(4)
    jobs = collected.jobs()
    bench.offer(jobs)
    held.reached.wait()
    for job in (jobs[0], jobs[2], jobs[2]):
        bench.expire(job)
    held.let_go.set()
    bench.close()
    bench.expire(jobs[1])
    kinds = [type(outcome) for [outcome] in collected.outcomes]
    assert kinds == [DeadlineError, Answer, DeadlineError, Answer]
    assert asked == {1: 1, 3: 1}


def test_a_fault_in_the_model_ends_no_worker() -> None:
    """Whatever the engine raises is told to those who asked, and the bench goes on."""

    def faulty(views: Sequence[View], *, alone: bool) -> list[Prediction]:
        if views[0].pixels[0, 0, 0] < 3:
            raise MemoryError("no memory")
        return infer(views, alone=alone)

    bench = Bench(decode, faulty, workers=1, batch=1, queue_length=8)
    collected = Collected(5)
    bench.offer(collected.jobs())
    bench.close()
    kinds = [type(outcome) for [outcome] in collected.outcomes]
    assert kinds == [ServingError] * 3 + [Answer] * 2


@pytest.mark.parametrize(("power", "size"), [(0, 8), (2, 1)])
def test_the_batch_size_is_measured(power: int, size: int) -> None:
    """A model whose calls cost the same whatever they hold is asked eight, a squeamish one one."""

    def run(pictures: PixelBatch) -> None:
        time.sleep(0.002 * len(pictures) ** power)

    choice = choose_batch(run, (2, 2, 3))
    assert choice.size == size
    assert "1: " in choice.reason

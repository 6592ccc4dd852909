"""Threads that decode and infer, and the queue before them.

Each worker takes the most urgent step there is: run the model once a batch is full or nothing is
left to decode, otherwise decode. So a lone picture never waits for company, every core has work
while there is any, and with a batch size of 1 a picture stays on the core that decoded it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from threading import Condition, Thread
from typing import Protocol

from midrib.errors import MidribError, OverloadedError
from midrib.records import Answered, View
from midrib.serving.jobs import Answer, Job, Outcome, State, Timings, late, unexpected


class Infer(Protocol):
    """Runs the model. ``alone`` says that no other picture is in work."""

    def __call__(self, views: Sequence[View], *, alone: bool) -> Sequence[Answered]: ...


class Bench:
    """Workers over one bounded queue.

    Args:
        decode: encoded picture to model input. Raises ``PictureError``.
        infer: model inputs to answers, one each.
        workers: threads.
        batch: most pictures that ``infer`` is given at once.
        queue_length: most pictures that wait; more are refused.
    """

    def __init__(
        self,
        decode: Callable[[bytes], View],
        infer: Infer,
        *,
        workers: int,
        batch: int,
        queue_length: int,
    ) -> None:
        self._decode = decode
        self._infer = infer
        self._batch = batch
        self._queue_length = queue_length
        self._waiting: deque[Job] = deque()
        self._decoded: deque[Job] = deque()
        self._in_work = 0
        self._open = True
        self._changed = Condition()
        self._workers = [
            Thread(target=self._work, name=f"midrib-worker-{number}", daemon=True)
            for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def offer(self, jobs: Sequence[Job]) -> None:
        """Take all of ``jobs`` or none. Raises ``OverloadedError`` when full or closed."""
        with self._changed:
            if not self._open:
                raise OverloadedError("the model is being stopped", todo="ask again after a second")
            if len(self._waiting) + len(jobs) > self._queue_length:
                raise OverloadedError(
                    f"{len(self._waiting)} pictures are waiting already",
                    expected=f"at most {self._queue_length}",
                    todo="ask again after a second, or start more servers",
                )
            self._waiting.extend(jobs)
            self._in_work += len(jobs)
            self._changed.notify(len(jobs))

    def expire(self, job: Job) -> None:
        """Give up on ``job`` unless the model is already asked: its deadline has passed."""
        with self._changed:
            if job.state in {State.INFERRING, State.DONE}:
                return
            self._withdraw(job)
        self._finish([job], [late(job)])

    @property
    def waiting(self) -> int:
        """Pictures that no worker has taken yet."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether everything that was taken is answered."""
        return self._in_work == 0

    def drain(self) -> None:
        """Take nothing more and wait until everything taken is answered."""
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self.idle)

    def close(self) -> None:
        """Drain, then end the threads. Safe to call twice."""
        self.drain()
        with self._changed:
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while jobs := self._next():
            if jobs[0].state is State.DONE:
                self._finish(jobs, [late(job) for job in jobs])
            elif jobs[0].state is State.INFERRING:
                self._run_model(jobs)
            else:
                self._read(jobs[0])

    def _next(self) -> list[Job]:
        """Jobs that are late, several to ask the model about or one to decode; none at the end."""
        with self._changed:
            while True:
                if overdue := self._take_overdue():
                    return overdue
                if len(self._decoded) >= self._batch or (self._decoded and not self._waiting):
                    size = min(self._batch, len(self._decoded))
                    jobs = [self._decoded.popleft() for _ in range(size)]
                    for job in jobs:
                        job.state = State.INFERRING
                    return jobs
                if self._waiting:
                    job = self._waiting.popleft()
                    job.state, job.taken = State.DECODING, time.monotonic()
                    return [job]
                if not self._open and self._in_work == 0:
                    return []
                self._changed.wait()

    def _take_overdue(self) -> list[Job]:
        """Those of the jobs next in turn whose deadline passed before anyone gave up on them."""
        now = time.monotonic()
        next_ones = [*islice(self._waiting, 1), *islice(self._decoded, self._batch)]
        overdue = [job for job in next_ones if job.deadline <= now]
        for job in overdue:
            self._withdraw(job)
        return overdue

    def _withdraw(self, job: Job) -> None:
        if job.state is State.WAITING:
            self._waiting.remove(job)
        elif job.state is State.DECODED:
            self._decoded.remove(job)
        job.state = State.DONE

    def _read(self, job: Job) -> None:
        problem: MidribError | None = None
        try:
            job.view = self._decode(job.data)
        except MidribError as refusal:
            problem = refusal
        except Exception as fault:  # noqa: BLE001 - a worker outlives whatever one picture does
            problem = unexpected("decoding the picture", fault)
        job.decode_seconds = time.monotonic() - job.taken
        job.data = b""
        with self._changed:
            if job.state is State.DONE:
                return
            if problem is None:
                job.state = State.DECODED
                self._decoded.append(job)
                return
            job.state = State.DONE
        self._finish([job], [problem])

    def _run_model(self, jobs: list[Job]) -> None:
        try:
            outcomes: Sequence[Outcome] = self._ask(jobs)
        except MidribError as problem:
            outcomes = [problem] * len(jobs)
        except Exception as fault:  # noqa: BLE001 - a worker outlives whatever one batch does
            outcomes = [unexpected("running the model", fault)] * len(jobs)
        self._finish(jobs, outcomes)

    def _ask(self, jobs: list[Job]) -> list[Answer]:
        started = time.monotonic()
        views = [job.view for job in jobs if job.view is not None]
        predictions = self._infer(views, alone=self._in_work == 1)
        infer_seconds = time.monotonic() - started
        return [
            Answer(
                prediction,
                view.pixels,
                Timings(job.taken - job.arrived, job.decode_seconds, infer_seconds),
                len(jobs),
            )
            for job, view, prediction in zip(jobs, views, predictions, strict=True)
        ]

    def _finish(self, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.done(outcome)
        with self._changed:
            self._in_work -= len(jobs)
            if self._in_work == 0 and not self._open:
                self._changed.notify_all()

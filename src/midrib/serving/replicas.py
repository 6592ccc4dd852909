"""What answers: the seam between the gateway, which speaks protocols, and the model."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial

from midrib.engines import Predictor
from midrib.records import Answered, View
from midrib.serving.batching import Bench
from midrib.serving.jobs import Job, Outcome


class Replica(ABC):
    """One loaded model that answers pictures. Belongs to one event loop."""

    @abstractmethod
    async def submit(self, pictures: Sequence[bytes], deadline: float) -> list[Outcome]:
        """Answer encoded pictures, in their order: all are taken or none.

        What is wrong with one picture is its outcome, and is not raised.

        Args:
            pictures: encoded files.
            deadline: on the clock of ``time.monotonic``; from then on the model is not run for
                a picture that still waits, and its outcome is a ``DeadlineError``.

        Raises:
            OverloadedError: the pictures do not fit the queue, or the replica is draining.
        """

    @abstractmethod
    def waiting(self) -> int:
        """Pictures that nothing works on yet."""

    @abstractmethod
    def drain(self) -> None:
        """Take nothing more; return when all that was taken is answered. Blocks."""

    @abstractmethod
    def close(self) -> None:
        """Drain and give everything back. Blocks; safe to call twice."""


class InProcessReplica(Replica):
    """Answers in threads of this process: decoder and engine do their work outside the GIL.

    Args:
        alone: the model on all cores, for a picture that is the only one in work.
        crowd: the same model on one core for each worker, when there is more to do.
        workers: threads.
        batch: most pictures that the model is asked at once.
        queue_length: most pictures that wait.
    """

    def __init__(
        self,
        alone: Predictor,
        crowd: Predictor,
        *,
        workers: int,
        batch: int,
        queue_length: int,
    ) -> None:
        self._alone = alone
        self._crowd = crowd
        self._bench = Bench(
            crowd.view, self._infer, workers=workers, batch=batch, queue_length=queue_length
        )

    async def submit(self, pictures: Sequence[bytes], deadline: float) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Outcome]] = [loop.create_future() for _ in pictures]
        jobs = [
            Job(data, deadline, partial(_tell, loop, future))
            for data, future in zip(pictures, futures, strict=True)
        ]
        self._bench.offer(jobs)
        timer = loop.call_later(deadline - time.monotonic(), self._expire, jobs)
        try:
            return [await future for future in futures]
        finally:
            timer.cancel()

    def waiting(self) -> int:
        return self._bench.waiting

    def drain(self) -> None:
        self._bench.drain()

    def close(self) -> None:
        self._bench.close()

    def _expire(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._bench.expire(job)

    def _infer(self, views: Sequence[View], *, alone: bool) -> Sequence[Answered]:
        predictor = self._alone if alone else self._crowd
        return predictor.answer(views)


def _tell(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Outcome], outcome: Outcome
) -> None:
    loop.call_soon_threadsafe(_resolve, future, outcome)


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    # The client may have gone meanwhile, and its request with it.
    if not future.done():
        future.set_result(outcome)

"""What a replica promises to the gateway, wherever it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from midrib.engines import Predictor, load_predictor
from midrib.errors import DeadlineError, MidribError, OverloadedError
from midrib.packages import Package
from midrib.records import Answered, Segmentation
from midrib.serving.jobs import Answer, Outcome
from midrib.serving.replicas import Replica

_QUEUE_LENGTH = 8
_TOLERANCE = 1e-4

MakeReplica = Callable[[Package, int], Replica]
"""A package and the length of the queue, to a replica that answers with ONNX Runtime."""


class ReplicaContract:
    """Inherit, and override the fixtures ``make_replica`` and ``package``."""

    @pytest.fixture
    def make_replica(self) -> MakeReplica:
        """What makes the replicas to check."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def package(self) -> Package:
        """What they serve; its samples are the pictures that are sent."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def pictures(self, package: Package) -> list[bytes]:
        return [sample.data for sample in package.samples]

    @pytest.fixture
    def predictor(self, package: Package) -> Predictor:
        return load_predictor(package, engine="onnxruntime")

    @pytest.fixture
    def replica(self, make_replica: MakeReplica, package: Package) -> Iterator[Replica]:
        made = make_replica(package, _QUEUE_LENGTH)
        yield made
        made.close()

    def test_answers_in_order(
        self, replica: Replica, predictor: Predictor, pictures: list[bytes]
    ) -> None:
        """Pictures of one request are answered in their order, as the predictor answers."""
        outcomes = asyncio.run(replica.submit(pictures, _later()))
        for outcome, expected in zip(outcomes, predictor.predict(pictures), strict=True):
            assert isinstance(outcome, Answer)
            assert outcome.prediction.label == expected.label
            assert _scores(outcome.prediction) == pytest.approx(_scores(expected), abs=_TOLERANCE)

    def test_gives_the_input_and_what_it_took(
        self, replica: Replica, predictor: Predictor, pictures: list[bytes]
    ) -> None:
        """An answer carries the model's input and the seconds of each step."""
        [outcome] = asyncio.run(replica.submit(pictures[:1], _later()))
        assert isinstance(outcome, Answer)
        assert (outcome.picture == predictor.read(pictures[0])).all()
        assert min(outcome.timings) >= 0
        assert outcome.batch == 1

    def test_one_bad_picture_harms_no_other(self, replica: Replica, pictures: list[bytes]) -> None:
        """What is wrong with a picture is its own outcome."""
        outcomes = asyncio.run(replica.submit([pictures[0], b"text", pictures[1]], _later()))
        assert [_status(outcome) for outcome in outcomes] == [200, 415, 200]

    def test_asks_nothing_after_the_deadline(self, replica: Replica, pictures: list[bytes]) -> None:
        """A deadline that has passed is the outcome of each picture."""
        outcomes = asyncio.run(replica.submit(pictures, time.monotonic() - 1))
        assert all(isinstance(outcome, DeadlineError) for outcome in outcomes)
        assert asyncio.run(replica.submit(pictures[:1], _later()))

    def test_takes_all_or_none(self, replica: Replica, pictures: list[bytes]) -> None:
        """More pictures than the queue holds are refused together, and none of them waits."""
        with pytest.raises(OverloadedError):
            asyncio.run(replica.submit(pictures * _QUEUE_LENGTH, _later()))
        assert replica.waiting() == 0

    def test_each_request_gets_its_own(
        self, replica: Replica, predictor: Predictor, pictures: list[bytes]
    ) -> None:
        """Requests at once get their own answers, or are refused: none is lost or mixed."""
        expected = [_scores(prediction) for prediction in predictor.predict(pictures)]

        async def ask(number: int) -> tuple[int, list[Outcome] | OverloadedError]:
            index = number % len(pictures)
            try:
                return index, await replica.submit([pictures[index]], _later())
            except OverloadedError as refusal:
                return index, refusal

        async def ask_all() -> Sequence[tuple[int, list[Outcome] | OverloadedError]]:
            return await asyncio.gather(*(ask(number) for number in range(6 * _QUEUE_LENGTH)))

        answered = 0
        for index, outcomes in asyncio.run(ask_all()):
            if isinstance(outcomes, list):
                [outcome] = outcomes
                assert isinstance(outcome, Answer)
                assert _scores(outcome.prediction) == pytest.approx(expected[index], abs=_TOLERANCE)
                answered += 1
        assert answered >= _QUEUE_LENGTH

    def test_drains(self, replica: Replica, pictures: list[bytes]) -> None:
        """What was taken is answered, what comes after is refused; closing twice is no error."""

        async def ask_and_drain() -> list[Outcome]:
            asked = asyncio.create_task(replica.submit(pictures, _later()))
            await asyncio.sleep(0)
            await asyncio.to_thread(replica.drain)
            return await asked

        assert [_status(outcome) for outcome in asyncio.run(ask_and_drain())] == [200] * len(
            pictures
        )
        with pytest.raises(OverloadedError):
            asyncio.run(replica.submit(pictures, _later()))
        replica.close()
        replica.close()


def _later() -> float:
    return time.monotonic() + 60


def _status(outcome: Outcome) -> int:
    return outcome.http_status if isinstance(outcome, MidribError) else 200


def _scores(answered: Answered) -> object:
    """What is compared of an answer: packages of these contracts are classifiers'."""
    assert not isinstance(answered, Segmentation)
    return answered.scores

"""One picture on its way through a replica, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from midrib.errors import DeadlineError, MidribError, ServingError
from midrib.records import Answered, Pixels, View


class Timings(NamedTuple):
    """Seconds that one picture spent in each step."""

    queue: float
    decode: float
    infer: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, the model input that it was made from and what it took.

    ``picture``: uint8, height × width × 3. ``batch``: pictures that the model was asked together.
    """

    prediction: Answered
    picture: Pixels = field(repr=False)
    timings: Timings
    batch: int


Outcome = Answer | MidribError
"""What becomes of one picture."""


class State(Enum):
    """Where a job stands. ``DONE`` is set before its outcome is told, so that it is told once."""

    WAITING = "waiting"
    DECODING = "decoding"
    DECODED = "decoded"
    INFERRING = "inferring"
    DONE = "done"


@dataclass(eq=False, slots=True)
class Job:
    """One picture on its way. Changed only under the bench's lock."""

    data: bytes
    deadline: float
    done: Callable[[Outcome], None]
    """Called exactly once, from any thread."""

    arrived: float = field(default_factory=time.monotonic)
    state: State = State.WAITING
    taken: float = 0.0
    decode_seconds: float = 0.0
    view: View | None = None


def late(job: Job) -> DeadlineError:
    """The outcome of a job whose deadline has passed."""
    return DeadlineError(
        f"the picture waited {time.monotonic() - job.arrived:.2f} s for its turn",
        expected=f"at most {job.deadline - job.arrived:.2f} s",
        todo="ask again, or start more servers",
    )


def unexpected(what: str, problem: Exception) -> ServingError:
    """The outcome of a job that met a fault of ours, which is told to the operator only."""
    error = ServingError(
        f"{what} failed unexpectedly", todo="tell the server's operator the request id"
    )
    error.__cause__ = problem
    return error

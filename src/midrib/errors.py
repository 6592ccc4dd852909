"""Every error that midrib raises, as one tree.

    MidribError                 exit 1    http 500
    ├── UsageError              exit 2    http 400   an option or a call that cannot be meant
    │   ├── UnknownNameError    exit 2    http 404   a name that nothing answers to
    │   └── ConfigError         exit 2    http 400   a stage's options do not fit
    ├── DataError               exit 3    http 422   pictures or labels
    │   ├── DatasetError        exit 3    http 422   the collection as a whole
    │   └── PictureError        exit 3    http 422   one picture
    │       ├── NotAPictureError    exit 3   http 415
    │       └── PictureTooLargeError exit 3  http 413
    ├── PackageError            exit 4    http 500   a model package that cannot be trusted or read
    ├── StorageError            exit 5    http 507   a disk or bucket that does not take or give
    ├── StateError              exit 6    http 503   the database of runs or releases
    ├── MissingExtraError       exit 7    http 501   an optional part that is not installed
    ├── TrainingError           exit 8    http 500
    ├── ParityError             exit 9    http 500   a file that answers unlike its model
    ├── EngineError             exit 10   http 500   an engine that cannot load or run a file
    ├── ServingError            exit 11   http 500
    │   ├── PayloadTooLargeError    exit 11  http 413
    │   ├── MalformedRequestError   exit 11  http 400
    │   ├── NotAcceptableError      exit 11  http 406
    │   ├── SlowRequestError        exit 11  http 408
    │   ├── OverloadedError     exit 11   http 503   full or draining: try again later
    │   └── DeadlineError       exit 11   http 504   the deadline passed in the queue
    └── InterruptedByUser       exit 130  http 503

Each says what came, what was expected and what to do next, in one line.
"""

from __future__ import annotations

from typing import ClassVar


class MidribError(Exception):
    """What came, what was expected, what to do next.

    Args:
        came: what was found or given, a clause without a full stop.
        expected: what would have been right, a noun phrase.
        todo: the next step for the reader, an imperative clause.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, came: str, *, expected: str = "", todo: str = "") -> None:
        self.came = came
        self.expected = expected
        self.todo = todo
        clauses = [came]
        if expected:
            clauses.append(f"expected {expected}")
        if todo:
            clauses.append(todo)
        super().__init__("; ".join(" ".join(clause.split()) for clause in clauses))

    def as_record(self) -> dict[str, str]:
        """The error as JSON-ready fields: ``error``, ``came``, ``expected``, ``todo``."""
        return {
            "error": type(self).__name__,
            "came": self.came,
            "expected": self.expected,
            "todo": self.todo,
        }


class UsageError(MidribError):
    exit_code = 2
    http_status = 400


class UnknownNameError(UsageError):
    http_status = 404


class ConfigError(UsageError):
    """A stage's options do not fit."""


class DataError(MidribError):
    exit_code = 3
    http_status = 422


class DatasetError(DataError):
    """The collection as a whole cannot be used."""


class PictureError(DataError):
    """One picture cannot be used."""


class NotAPictureError(PictureError):
    http_status = 415


class PictureTooLargeError(PictureError):
    http_status = 413


class PackageError(MidribError):
    exit_code = 4


class StorageError(MidribError):
    exit_code = 5
    http_status = 507


class StateError(MidribError):
    exit_code = 6
    http_status = 503


class MissingExtraError(MidribError):
    """An optional part of midrib that is not installed.

    Args:
        what: the feature that was asked for.
        extra: the extra of the distribution that carries it.
    """

    exit_code = 7
    http_status = 501

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(
            f"{what} needs parts that are not installed",
            expected=f"the extra '{extra}'",
            todo=f"run: pip install 'midrib[{extra}]'",
        )
        self.extra = extra


class TrainingError(MidribError):
    exit_code = 8


class ParityError(MidribError):
    exit_code = 9


class EngineError(MidribError):
    exit_code = 10


class ServingError(MidribError):
    exit_code = 11


class PayloadTooLargeError(ServingError):
    http_status = 413


class MalformedRequestError(ServingError):
    http_status = 400


class NotAcceptableError(ServingError):
    http_status = 406


class SlowRequestError(ServingError):
    http_status = 408


class OverloadedError(ServingError):
    """The server is full or draining; ``retry_after_seconds`` says when to come back."""

    http_status = 503

    def __init__(
        self, came: str, *, expected: str = "", todo: str = "", retry_after_seconds: int = 1
    ) -> None:
        super().__init__(came, expected=expected, todo=todo)
        self.retry_after_seconds = retry_after_seconds


class DeadlineError(ServingError):
    http_status = 504


class InterruptedByUser(MidribError):
    """Ctrl-C: what is finished is kept, the same command goes on from there."""

    exit_code = 130
    http_status = 503

"""MLflow, loaded only when it is used, and quiet."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar, cast

from midrib.errors import MissingExtraError, StateError

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

_HTTP = ("http", "https")
_SQL = ("sqlite", "postgresql", "mysql", "mssql")

_ENVIRONMENT = {
    # What goes wrong reaches the user as an error, in one line.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow's own patience is minutes for each request.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""Read by MLflow when it is imported or asked. What the user has set stands."""


def is_server(url: str) -> bool:
    """Whether ``url`` is a tracking server, which keeps files itself, rather than a database."""
    return _scheme(url) in _HTTP


def load_mlflow() -> ModuleType:
    """The module ``mlflow``: the only way to it in this house, so that the settings above hold.

    Raises ``MissingExtraError`` when it is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow
    except ModuleNotFoundError as missing:
        raise MissingExtraError("the record of runs", extra="lab") from missing
    return mlflow


def connect(url: str) -> MlflowClient:
    """A client of the MLflow at ``url``, a tracking server or a SQL database.

    Raises:
        StateError: nothing answers at ``url``, or it is no URL of either kind.
        MissingExtraError: MLflow is not installed.
    """
    if _scheme(url) not in _HTTP + _SQL:
        raise StateError(
            f"'{url}' is no place for runs",
            expected="an http(s):// URL of an MLflow server, or sqlite:/// and a path",
            todo="correct MIDRIB_TRACKING_URL",
        )
    mlflow = load_mlflow()
    if not is_server(url):
        # MLflow would ask a database that is not there ten times, for a hundred seconds.
        from midrib.state.connecting import require_reachable

        require_reachable(url)
    with tracking_errors(url), warnings.catch_warnings():
        # MLflow 3.17 uses what SQLAlchemy 2.1 deprecates; our users can do nothing about it.
        warnings.simplefilter("ignore", DeprecationWarning)
        return cast("MlflowClient", mlflow.MlflowClient(tracking_uri=url, registry_uri=url))


@contextmanager
def tracking_errors(url: str) -> Iterator[None]:
    """Turn MLflow's refusals into one-line ``StateError``s."""
    try:
        yield
    except (load_mlflow().MlflowException, OSError) as problem:
        raise StateError(
            f"MLflow at {shown(url)} refused: {_cause(problem, url)}",
            expected="an MLflow that can be reached and takes what it is given",
            todo="mend that, or check MIDRIB_TRACKING_URL",
        ) from problem


def none_on(code: str, call: Callable[[], T]) -> T | None:
    """What ``call`` gives; None when MLflow answers with the error ``code``."""
    try:
        return call()
    except load_mlflow().MlflowException as problem:
        if problem.error_code != code:
            raise
        return None


def shown(url: str) -> str:
    """``url`` without user and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def _scheme(url: str) -> str:
    return url.partition("://")[0].partition("+")[0]


def _cause(problem: Exception, url: str) -> str:
    message, _, cause = str(problem).replace(url, shown(url)).partition("(Caused by ")
    # What requests and urllib3 write into one sentence ends with what happened.
    return cause.rpartition("): ")[2].strip('()" ') if cause else message

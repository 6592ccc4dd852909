"""From a URL to a SQL database that answers, or one line that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import Timeout
from sqlalchemy import URL, Engine, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from midrib.errors import StateError

SQLITE, POSTGRESQL = "sqlite", "postgresql"

_CONNECT_SECONDS = 5
_SILENCE_SECONDS = 10
"""How long a server may leave a question unanswered before the connection counts as lost."""


def parse_url(url: str) -> URL:
    """The parts of ``url``. Raises ``StateError``."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise unfit_url("a text that is no database URL") from None


def unfit_url(came: str) -> StateError:
    """The error for a URL that does not fit."""
    return StateError(
        f"the database URL is {came}",
        expected="sqlite:///<path> or postgresql://<user>@<host>/<database>",
        todo="correct MIDRIB_DATABASE_URL",
    )


def engine_of(url: URL) -> Engine:
    """Connections to ``url``, none of them open yet; those that the server drops are replaced.

    Raises ``StateError`` when the driver is not installed.
    """
    try:
        return create_engine(url, pool_pre_ping=True, **_engine_options(url))
    except (NoSuchModuleError, ModuleNotFoundError) as missing:
        raise StateError(
            f"the database driver of {url.drivername} is not installed: {missing}",
            expected="a driver that SQLAlchemy knows",
            todo="for PostgreSQL, run: pip install 'psycopg[binary]'",
        ) from None


def require_reachable(url: str) -> None:
    """Read from the database at ``url`` once. Raises ``StateError`` when it does not answer."""
    parsed = parse_url(url)
    engine = engine_of(parsed)
    try:
        with state_errors(parsed):
            make_folder(parsed)
            inspect(engine).get_table_names()
    finally:
        engine.dispose()


def make_folder(url: URL) -> None:
    """Make the folder that a SQLite file will lie in."""
    if url.get_backend_name() == SQLITE and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def state_errors(url: URL) -> Iterator[None]:
    """Turn what the database at ``url`` refuses into ``StateError``.

    Only SQLAlchemy's ``IntegrityError`` comes through: the caller knows what it means.
    """
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError, Timeout) as problem:
        shown = url.render_as_string(hide_password=True)
        raise StateError(
            f"the database {shown} does not answer as it should: {_cause(problem)}",
            expected="a database that can be reached and written to",
            todo="start it, or check the URL, its user and its rights",
        ) from problem


def _engine_options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != POSTGRESQL:
        return {}
    # Whoever polls must not hang for good on a server that vanished without a word.
    patience = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _SILENCE_SECONDS * 1000}
    return {
        # Whatever the server's default is: a writer that waited must see what it waited for.
        "isolation_level": "READ COMMITTED",
        "connect_args": {name: value for name, value in patience.items() if name not in url.query},
    }


def _cause(problem: Exception) -> str:
    lines = str(getattr(problem, "orig", None) or problem).strip().splitlines()
    return lines[0] if lines else type(problem).__name__

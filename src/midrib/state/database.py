"""A SQL database with our tables in it: SQLite by default, PostgreSQL past one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from midrib.errors import StateError
from midrib.state.schema import REVISION, REVISION_TABLE

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_CONNECT_SECONDS = 5
_WAIT_SECONDS = 10
"""How long a writer waits for another one before it gives up."""

_OPENING_SECONDS = 60
"""How long it waits while another process makes the tables."""

_SCHEMA_LOCK = 0x6D6964726962
"""The advisory lock of PostgreSQL under which tables are made: 'midrib' in ASCII."""


class Database:
    """Connections for reading and for writing, reused from call to call; safe among threads.

    Opening brings the tables up to date, under a lock: any number of processes may start at
    once. Open one in each process, after a fork rather than before.

    Args:
        url: ``sqlite:///`` and a path on a local disk, or ``postgresql://``.

    Raises:
        StateError: the URL does not fit, or nothing answers at it.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        _require_supported(self._url)
        self._shown = self._url.render_as_string(hide_password=True)
        self._engine = _create_engine(self._url)
        if self._url.get_backend_name() == SQLITE:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._writer = self._engine.execution_options(writing=True)
        try:
            with state_errors(self._shown), _opening_alone(self._url):
                self._bring_up_to_date()
        except StateError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees what is committed, and neither waits for writers nor stops them.

        Raises ``StateError``.
        """
        with state_errors(self._shown), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone when it raises.

        Raises ``StateError``; SQLAlchemy's ``IntegrityError`` comes through, for the caller knows
        what it means.
        """
        with state_errors(self._shown), self._writer.begin() as connection:
            _limit_waiting(connection, _WAIT_SECONDS)
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            if _revision(connection) == REVISION:
                return
        with self.writing() as connection:
            _limit_waiting(connection, _OPENING_SECONDS)
            if connection.dialect.name == POSTGRESQL:
                connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            _upgrade(connection)


@contextmanager
def state_errors(shown_url: str) -> Iterator[None]:
    """Turn a database's refusals into one-line ``StateError``s.

    Args:
        shown_url: the database's URL without its password.
    """
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError, Timeout) as problem:
        raise StateError(
            f"the database {shown_url} does not answer as it should: {_cause(problem)}",
            expected="a database that can be reached and written to",
            todo="start it, or check the URL, its user and its rights",
        ) from problem


def require_reachable(url: str) -> None:
    """Read from the database at ``url`` once. Raises ``StateError`` when it does not answer."""
    parsed = _parse(url)
    shown = parsed.render_as_string(hide_password=True)
    engine = _create_engine(parsed)
    try:
        with state_errors(shown):
            _make_folder(parsed)
            inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise _unfit("a text that is no database URL") from None


def _require_supported(url: URL) -> None:
    backend = url.get_backend_name()
    if backend not in {SQLITE, POSTGRESQL}:
        raise _unfit(f"a '{backend}' URL")
    if backend == SQLITE and url.database in {None, "", ":memory:"}:
        raise _unfit("a SQLite database in memory, which no other process can see")


def _unfit(came: str) -> StateError:
    return StateError(
        f"the database URL is {came}",
        expected="sqlite:///<path> or postgresql://<user>@<host>/<database>",
        todo="correct MIDRIB_DATABASE_URL",
    )


def _create_engine(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True, **_engine_options(url))
    except (NoSuchModuleError, ModuleNotFoundError) as missing:
        raise StateError(
            f"the database driver of {url.drivername} is not installed: {missing}",
            expected="a driver that SQLAlchemy knows",
            todo="for PostgreSQL, run: pip install 'psycopg[binary]'",
        ) from None


def _engine_options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != POSTGRESQL:
        return {}
    # A server that vanishes without a word must not hold up for good who polls it.
    patience = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _WAIT_SECONDS * 1000}
    return {
        # Whatever the server's default is: a writer that waited must see what it waited for.
        "isolation_level": "READ COMMITTED",
        "connect_args": {name: value for name, value in patience.items() if name not in url.query},
    }


def _set_up_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001 - SQLAlchemy's signature
    # Python's driver must not open transactions of its own: _begin_sqlite says which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader's single statement is a transaction of its own. A writer takes the lock before it
    # reads: one that reads first could not write after someone else has.
    if connection.get_execution_options().get("writing"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _limit_waiting(connection: Connection, seconds: int) -> None:
    # SQLite was told when it connected.
    if connection.dialect.name == POSTGRESQL:
        connection.execute(text(f"SET LOCAL lock_timeout = '{seconds}s'"))


@contextmanager
def _opening_alone(url: URL) -> Iterator[None]:
    """SQLite fails at once where two connections turn on its write-ahead log together."""
    if url.get_backend_name() != SQLITE:
        yield
        return
    _make_folder(url)
    with FileLock(f"{url.database}.lock", timeout=_OPENING_SECONDS):
        yield


def _make_folder(url: URL) -> None:
    if url.get_backend_name() == SQLITE and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}"))  # noqa: S608 - a constant
    return found.scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", "midrib.state:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as problem:
        raise StateError(
            f"the database is at the revision {_revision(connection)}",
            expected=f"{REVISION} or an older one",
            todo="use the newer midrib that this database was last used with",
        ) from problem


def _cause(problem: Exception) -> str:
    lines = str(getattr(problem, "orig", None) or problem).strip().splitlines()
    return lines[0] if lines else type(problem).__name__

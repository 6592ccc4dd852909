"""A SQL database with our tables in it: SQLite by default, PostgreSQL past one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from filelock import FileLock
from sqlalchemy import URL, Connection, String, column, event, func, inspect, select, table, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from midrib.errors import StateError
from midrib.state.connecting import (
    POSTGRESQL,
    SQLITE,
    engine_of,
    make_folder,
    parse_url,
    state_errors,
    unfit_url,
)
from midrib.state.schema import REVISION, REVISION_TABLE

_WRITER_WAIT_SECONDS = 10
"""How long a writer waits for another one before it gives up."""

_OPENING_WAIT_SECONDS = 60
"""How long a process waits while another one makes the tables."""

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
        self._url = parse_url(url)
        _require_supported(self._url)
        self._engine = engine_of(self._url)
        if self._url.get_backend_name() == SQLITE:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._writer = self._engine.execution_options(writing=True)
        try:
            with state_errors(self._url), _opening_alone(self._url):
                self._bring_up_to_date()
        except StateError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees what is committed, and neither waits for writers nor stops them.

        Raises ``StateError``.
        """
        with state_errors(self._url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone when it raises.

        Raises ``StateError``, and SQLAlchemy's ``IntegrityError``.
        """
        with state_errors(self._url), self._writer.begin() as connection:
            _limit_waiting(connection, _WRITER_WAIT_SECONDS)
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            if _revision(connection) == REVISION:
                return
        with self.writing() as connection:
            _limit_waiting(connection, _OPENING_WAIT_SECONDS)
            if connection.dialect.name == POSTGRESQL:
                connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            _upgrade(connection)


def _require_supported(url: URL) -> None:
    backend = url.get_backend_name()
    if backend not in {SQLITE, POSTGRESQL}:
        raise unfit_url(f"a '{backend}' URL")
    if backend == SQLITE and url.database in {None, "", ":memory:"}:
        raise unfit_url("a SQLite database in memory, which no other process can see")


@contextmanager
def _opening_alone(url: URL) -> Iterator[None]:
    """SQLite fails at once where two connections turn on its write-ahead log together."""
    if url.get_backend_name() != SQLITE:
        yield
        return
    make_folder(url)
    with FileLock(f"{url.database}.lock", timeout=_OPENING_WAIT_SECONDS):
        yield


def _set_up_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001 - SQLAlchemy's signature
    # Python's driver must not open transactions of its own: _begin_sqlite says which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WRITER_WAIT_SECONDS * 1000}")
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


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    revisions = table(REVISION_TABLE, column("version_num", String))
    return connection.execute(select(revisions.c.version_num)).scalar_one_or_none()


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

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from midrib.errors import StateError
from midrib.state import Releases
from midrib.state.database import Database
from midrib.state.schema import REVISION, REVISION_TABLE, metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return str(request.getfixturevalue("new_postgresql_url")())


def test_migrations_make_the_tables_of_the_schema(url: str) -> None:
    """Nothing differs between what the migrations made and what the code expects."""
    database = Database(url)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_revision_is_that_of_the_last_migration() -> None:
    """The number that lets alembic sleep is the last one that alembic knows."""
    config = Config()
    config.set_main_option("script_location", "midrib.state:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_a_block_that_raises_leaves_no_trace(url: str) -> None:
    """A transaction is undone when its block raises."""
    database = Database(url)

    def drop_and_fail() -> None:
        with database.writing() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE release"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        drop_and_fail()
    with database.reading() as connection:
        assert sqlalchemy.inspect(connection).has_table("release")
    database.close()


def test_a_database_of_a_newer_midrib_is_refused(url: str) -> None:
    """Tables that an unknown migration made are left alone."""
    revisions = sqlalchemy.table(REVISION_TABLE, sqlalchemy.column("version_num"))
    database = Database(url)
    with database.writing() as connection:
        connection.execute(sqlalchemy.update(revisions).values(version_num="9999"))
    database.close()
    with pytest.raises(StateError, match=r"revision 9999; expected .* use the newer midrib"):
        Database(url)


def test_many_threads_may_turn_on_the_write_ahead_log_at_once(tmp_path: Path) -> None:
    """SQLite refuses that at once, without waiting, so that opening takes turns."""
    start = Barrier(6, timeout=30)

    def open_all(_: int) -> None:
        for turn in range(15):
            start.wait()
            Database(f"sqlite:///{tmp_path}/{turn}.db").close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(open_all, range(6)))


def test_sqlite_is_set_up_for_many_processes(sqlite_url: str) -> None:
    """Readers go on while one writes, links between tables hold, a switch survives a power cut."""
    database = Database(sqlite_url)
    with database.reading() as connection:
        names = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    database.close()
    assert found == ["wal", 1, 2, 10_000]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("release.db", "no database URL"),
        ("mysql://root@127.0.0.1/midrib", "'mysql' URL"),
        ("sqlite://", "in memory"),
        ("postgresql+asyncpg://127.0.0.1/midrib", r"asyncpg.* pip install 'psycopg\[binary\]'"),
        ("postgresql://ada:secret@127.0.0.1:1/midrib", "Connection refused"),
    ],
)
def test_a_database_that_is_not_there_is_one_line(url: str, complaint: str) -> None:
    """The error says what came and what to do, in one line and without the password."""
    with pytest.raises(StateError, match=complaint) as refused:
        Database(url)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.todo


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """Something else under the database's name is refused and keeps its content."""
    file = tmp_path / "state.db"
    file.write_text("a shopping list " * 100)
    with pytest.raises(StateError, match="not a database"):
        Database(f"sqlite:///{file}")
    assert file.read_text().startswith("a shopping list")


def test_releases_reconnect_after_the_server_was_gone(
    new_postgresql_url: Callable[[], str], postgresql_server: str
) -> None:
    """Connections that the server dropped are replaced without the caller's knowledge."""
    url = new_postgresql_url()
    drop = sqlalchemy.text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name"
    )
    server = sqlalchemy.create_engine(f"{postgresql_server}/postgres")
    with Releases(url) as releases:
        assert releases.names() == []
        with server.connect() as connection:
            assert connection.execute(drop, {"name": url.rpartition("/")[2]}).scalar() == 1
        assert releases.names() == []
    server.dispose()


def test_the_room_needs_no_extra_until_releases_are_used() -> None:
    """Without SQLAlchemy the room imports, and ``Releases`` names the extra that is missing."""
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "import midrib.state as state\n"
        "from midrib.errors import MissingExtraError\n"
        "try: state.Releases\n"
        "except MissingExtraError as error: print(error)\n"
        "print([name for name in ('torch', 'mlflow', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "the record of releases needs parts that are not installed; expected the extra 'server'; "
        "run: pip install 'midrib[server]'",
        "[]",
    ]

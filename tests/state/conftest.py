"""A real PostgreSQL on loopback, and a real MLflow on SQLite."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy

from midrib.state import Runs

# Serializable is not the default, and harder: what we promise must hold under it.
_SERVER_OPTIONS = (
    "-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c default_transaction_isolation=serializable"
)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'state.db'}"


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    """A function that gives a port of loopback that nobody listens at."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def postgresql_server(new_port: Callable[[], int]) -> Iterator[str]:
    """The URL of a server started here, without a database's name."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed here: found no initdb and pg_ctl")
    # Not pytest's folder, which no other user may enter.
    folder, port = Path(tempfile.mkdtemp(prefix="midrib-postgresql-")), new_port()
    data, options = folder / "data", _SERVER_OPTIONS.format(port=port, folder=folder)
    _run(folder, initdb, "-D", data, "-U", "midrib", "-A", "trust", "-E", "UTF8", "--locale=C")
    _run(folder, pg_ctl, "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
    try:
        yield f"postgresql://midrib@127.0.0.1:{port}"
    finally:
        _run(folder, pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def new_postgresql_url(postgresql_server: str) -> Callable[[], str]:
    """A function that makes an empty database and gives its URL."""
    numbers = count()

    def make() -> str:
        name = f"midrib_{next(numbers)}"
        server = sqlalchemy.create_engine(
            f"{postgresql_server}/postgres", isolation_level="AUTOCOMMIT"
        )
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        server.dispose()
        return f"{postgresql_server}/{name}"

    return make


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """One MLflow for all tests: making its tables takes seconds."""
    home = tmp_path_factory.mktemp("mlflow")
    return Runs(f"sqlite:///{home / 'mlflow.db'}", home / "artifacts")


def _program(name: str) -> str | None:
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(debian[-1]) if debian else None)


def _run(folder: Path, *call: str | Path) -> None:
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    done = subprocess.run(
        call, check=False, cwd=folder, user=user, stdout=subprocess.DEVNULL, timeout=120
    )
    log = folder / "log"
    assert done.returncode == 0, log.read_text() if log.exists() else f"{call} failed"

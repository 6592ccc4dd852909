from collections.abc import Callable

import pytest

from midrib.testing.releases import ReleasesContract


class TestOnSqlite(ReleasesContract):
    @pytest.fixture
    def releases_url(self, sqlite_url: str) -> str:
        return sqlite_url


class TestOnPostgresql(ReleasesContract):
    @pytest.fixture
    def releases_url(self, new_postgresql_url: Callable[[], str]) -> str:
        return new_postgresql_url()

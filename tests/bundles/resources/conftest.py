"""An empty database for each test; the servers are started once per worker, when needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles.resources.servers import (
    MariadbServer,
    PostgresqlServer,
    TestDatabase,
    running_mariadb,
    running_postgresql,
)

DIALECTS = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="session")
def postgresql_server(postgresql_programs: Path) -> Iterator[PostgresqlServer]:
    """One server for all tests of a worker, which must not stop it."""
    with running_postgresql(postgresql_programs) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server(mariadb_programs: tuple[Path, Path]) -> Iterator[MariadbServer]:
    """One server for all tests of a worker, which must not stop it."""
    with running_mariadb(*mariadb_programs) as server:
        yield server


@pytest.fixture
def sqlite_database(tmp_path: Path) -> TestDatabase:
    return TestDatabase("sqlite", f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite3'}")


@pytest.fixture
def postgresql_database(postgresql_server: PostgresqlServer) -> Iterator[TestDatabase]:
    with postgresql_server.database() as database:
        yield database


@pytest.fixture
def mariadb_database(mariadb_server: MariadbServer) -> Iterator[TestDatabase]:
    with mariadb_server.database() as database:
        yield database


@pytest.fixture(params=DIALECTS)
def any_database(request: pytest.FixtureRequest) -> TestDatabase:
    """An empty database of each kind: its test runs three times."""
    database: TestDatabase = request.getfixturevalue(f"{request.param}_database")
    return database

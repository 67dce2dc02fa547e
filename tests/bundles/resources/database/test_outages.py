"""A database that is unavailable, locked or full, and a pool without a free connection."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import Database
from bundles.resources.database import idle_connections
from rxkernel import ConfigurationError, Response, http
from rxkernel.application.testing import KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, application, create_tables
from tests.bundles.resources.servers import (
    MariadbServer,
    PostgresqlServer,
    TestDatabase,
    running_postgresql,
)


class Authors:
    def __init__(self) -> None:
        self.has_read = asyncio.Event()
        self.may_end = asyncio.Event()

    @http("POST", "/authors/{name}", "add")
    async def add(self, name: str, session: AsyncSession) -> None:
        session.add(Author(name=name))

    @http("GET", "/authors", "names")
    async def names(self, session: AsyncSession) -> list[str]:
        return list(await session.scalars(select(Author.name)))

    @http("GET", "/slow", "slow")
    async def slow(self, session: AsyncSession) -> None:
        await session.scalars(select(Author.name))
        self.has_read.set()
        await self.may_end.wait()


def _is_unavailable(response: Response) -> bool:
    return (
        response.status_code == 503
        and response.content["code"] == "database_unavailable"
        and response.headers["Retry-After"] == "1"
    )


async def _unready(client: KernelClient) -> list[str]:
    """Return the names of parts that are not ready, without servers, which tests do not start."""
    entries = (await client.http("readyz")).content.get("errors", ())
    return [entry["name"] for entry in entries if entry["name"] != "servers"]


@pytest.fixture(scope="module")
def own_server(postgresql_programs: Path) -> Iterator[PostgresqlServer]:
    """A server that tests may stop; they start it again."""
    with running_postgresql(postgresql_programs) as server:
        yield server


@pytest.fixture
def own_database(own_server: PostgresqlServer) -> Iterator[TestDatabase]:
    with own_server.database() as database:
        yield database


async def test_server_that_is_away_is_503_until_it_is_back(
    client_of: ClientOf,
    own_server: PostgresqlServer,
    own_database: TestDatabase,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "rxkernel.database")
    client = client_of(await create_tables(application(own_database.url, Authors)))
    assert (await client.http("names")).status_code == 200
    assert await _unready(client) == []

    own_server.stop(signal.SIGINT)
    try:
        assert _is_unavailable(await client.http("names"))
        assert _is_unavailable(await client.http("add", params={"name": "ada"}))
        assert await _unready(client) == ["database default"]
    finally:
        own_server.start()

    assert (await client.http("add", params={"name": "ada"})).status_code == 200
    assert await _unready(client) == []
    lines = [r.getMessage() for r in caplog.records if r.name == "rxkernel.database"]
    assert len(lines) == 2, "once at the begin of the outage, once at its end"
    assert lines[0].startswith("the database 'default' cannot be used: ")
    assert lines[1] == "the database 'default' can be used again"


async def test_application_starts_while_server_is_away(
    client_of: ClientOf, own_server: PostgresqlServer, own_database: TestDatabase
) -> None:
    own_server.stop(signal.SIGINT)
    try:
        client = client_of(application(own_database.url, Authors))
        assert _is_unavailable(await client.http("names"))
    finally:
        own_server.start()

    await create_tables(client.application)
    assert (await client.http("names")).content == []


async def test_connections_lost_in_use_fail_one_message(
    client_of: ClientOf, postgresql_server: PostgresqlServer, postgresql_database: TestDatabase
) -> None:
    client = client_of(await create_tables(application(postgresql_database.url, Authors)))
    await asyncio.gather(*(client.http("names") for _ in range(3)))

    postgresql_server.disconnect_all()

    assert _is_unavailable(await client.http("names"))
    assert (await client.http("names")).status_code == 200


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
async def test_connection_lost_while_idle_is_replaced(
    client_of: ClientOf,
    dialect: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idle_connections, "IDLE_SECONDS", 0.0)
    database: TestDatabase = request.getfixturevalue(f"{dialect}_database")
    server: PostgresqlServer | MariadbServer = request.getfixturevalue(f"{dialect}_server")
    client = client_of(await create_tables(application(database.url, Authors)))
    await client.http("names")

    server.disconnect_all()

    assert (await client.http("names")).status_code == 200


async def test_exhausted_pool_is_503_and_does_not_block(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    site = application(any_database.url, authors := Authors(), pool_size=1, pool_timeout=0.05)
    client = client_of(await create_tables(site))
    holding = asyncio.create_task(client.http("slow"))
    await authors.has_read.wait()

    assert _is_unavailable(await client.http("names"))
    assert await _unready(client) == [], "all connections are in use, so the database replies"

    authors.may_end.set()
    assert (await holding).status_code == 200
    assert (await client.http("names")).status_code == 200


async def test_sqlite_locked_by_other_process_is_503_for_writers_only(
    client_of: ClientOf, tmp_path: Path
) -> None:
    file = tmp_path / "app.sqlite3"
    client = client_of(application(f"sqlite+aiosqlite:///{file}", Authors, busy_timeout=0.05))
    await client.http("names")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert _is_unavailable(await client.http("add", params={"name": "ada"}))
    assert (await client.http("names")).status_code == 200
    assert await _unready(client) == []

    other.execute("ROLLBACK")
    other.close()
    assert (await client.http("add", params={"name": "ada"})).status_code == 200


async def test_sqlite_that_is_full_is_503(client_of: ClientOf, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'app.sqlite3'}"
    client = client_of(application(url, Authors, pool_size=1))
    await client.http("names")
    async with client.application.injector.get(Database).engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count = 1")

    replies = [await client.http("add", params={"name": f"{n:0>10}"}) for n in range(300)]

    assert replies[0].status_code == 200
    assert _is_unavailable(replies[-1])
    assert (await client.http("names")).status_code == 200


async def test_folder_of_sqlite_that_cannot_be_created_is_boot_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    url = f"sqlite+aiosqlite:///{tmp_path / 'file' / 'app.sqlite3'}"

    with pytest.raises(
        ConfigurationError, match=r"resources\.url names the file .*cannot be opened"
    ):
        await application(url, Authors).boot()


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"], ids=["empty", "memory"]
)
async def test_url_of_database_in_memory_is_boot_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"resources\.url is a database in memory"):
        await application(url, Authors).boot()


async def test_driver_that_is_not_installed_is_boot_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "aiomysql", None)

    with pytest.raises(ConfigurationError, match=r"needs .*: pip install '\.\[mariadb\]'"):
        await application("mariadb+aiomysql://root@127.0.0.1/name", Authors).boot()

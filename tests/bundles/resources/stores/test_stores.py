"""Sessions and refresh tokens of an application in its database; the contract of the stores is
tested in ``tests/bundles/sessions`` and ``tests/bundles/security``."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bundles.resources import Database, ResourcesBundle, ResourcesSettings
from bundles.resources.stores.store_database import StoreDatabase
from bundles.resources.stores.tables import METADATA, REFRESH_TOKEN, SESSION
from bundles.resources.stores.token_store import DatabaseTokenStore
from bundles.security.tokens.store import RefreshRecord, RotationResult
from bundles.sessions import SessionsBundle, SessionsSettings, SessionStore
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    ServiceUnavailableException,
    Settings,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.servers import TestDatabase
from tests.bundles.resources.stores.site import PASSWORD, Account, Base, site, with_accounts

ADA = "ada@example.org"


async def _log_in(client: KernelClient) -> dict[str, str]:
    body = {"username": ADA, "password": PASSWORD}
    response = await client.http("security_login", body=body)
    assert response.status_code == 200, response.content
    found: dict[str, str] = response.content
    return found


def _refresh(tokens: dict[str, str]) -> dict[str, str]:
    return {"refreshToken": tokens["refreshToken"]}


async def test_sessions_and_tokens_are_in_the_database(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    """Two processes share the sessions."""
    one = await with_accounts(client_of(site(any_database.url)), Account(email=ADA, name="Ada"))
    two = client_of(site(any_database.url))

    tokens = await _log_in(one)
    bearer = {"Authorization": f"Bearer {tokens['token']}"}
    assert (await two.http("who", headers=bearer)).content == ADA
    refreshed = await two.http("security_refresh_token", body=_refresh(tokens))
    assert refreshed.status_code == 200
    newest = _refresh(refreshed.content)
    assert (await two.http("security_logout", body=newest)).status_code == 204
    for client in (one, two):
        assert (await client.http("security_refresh_token", body=newest)).status_code == 404

    stored = await one.http("put", params={"value": "x"})
    cookie = {"Cookie": stored.headers["Set-Cookie"].partition(";")[0]}
    assert (await two.http("get", headers=cookie)).content == "x"


async def test_session_begins_while_the_message_writes(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    """The store needs a second connection; in SQLite there is one lock for writing."""
    client = await with_accounts(client_of(site(any_database.url)))

    joined = await asyncio.gather(
        *(client.http("join", params={"email": f"{n}@example.org"}) for n in range(12))
    )

    assert {response.status_code for response in joined} == {200}


async def test_stores_on_sqlite_are_files_beside_the_database(
    client_of: ClientOf, sqlite_database: TestDatabase, tmp_path: Path
) -> None:
    client = await with_accounts(
        client_of(site(sqlite_database.url)), Account(email=ADA, name="Ada")
    )
    await _log_in(client)
    await client.http("put", params={"value": "x"})

    for name, table in (("app-sessions", "session"), ("app-tokens", "refresh_token")):
        with contextlib.closing(sqlite3.connect(tmp_path / f"{name}.sqlite3")) as file:
            assert file.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)


async def test_stores_of_a_test_client_are_in_memory(client_of: ClientOf) -> None:
    """The settings are those of production; the test never connects to its server."""
    application = site("postgresql+psycopg://nobody@127.0.0.1:1/none")
    client = await with_accounts(
        client_of(application, database="memory"), Account(email=ADA, name="Ada")
    )

    await _log_in(client)
    assert (await client.http("put", params={"value": "x"})).status_code == 200
    assert (await client.http("get")).content == "x"


async def test_stores_use_the_tables_of_the_database(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    """Migrations see the tables, also migrations that are made with SQLite."""
    with_stores = client_of(site(sqlite_database.url))
    without = client_of(site(sqlite_database.url, store="memory"))
    for client in (with_stores, without):
        await client.application.boot()

    assert METADATA in with_stores.application.injector.get(Database).metadatas
    assert METADATA not in without.application.injector.get(Database).metadatas


async def test_stores_without_the_bundle_are_an_error_at_boot() -> None:
    settings = Settings(bundles={"sessions": SessionsSettings(store="database")})

    with pytest.raises(ConfigurationError, match="the bundle 'resources' is not enabled"):
        await Application(bundles=[SessionsBundle], settings=settings).boot()


async def test_sessions_alone_are_in_the_database(postgresql_database: TestDatabase) -> None:
    settings = Settings(
        bundles={
            "sessions": SessionsSettings(store="database"),
            "resources": ResourcesSettings(url=postgresql_database.url),
        }
    )
    application = Application(bundles=["sessions", ResourcesBundle(Base)], settings=settings)

    async with application:
        store = application.injector.get(SessionStore)  # type: ignore[type-abstract]
        assert type(store).__name__ == "DatabaseSessionStore"


async def test_stores_without_their_tables_are_503(
    client_of: ClientOf, postgresql_database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(site(postgresql_database.url))

    response = await client.http("put", params={"value": "x"})

    assert (response.status_code, response.content["code"]) == (503, "sessions_unavailable")
    assert "run `python -m rxkernel db upgrade`" in caplog.text


async def test_stores_of_a_server_that_is_away_are_503(client_of: ClientOf) -> None:
    client = client_of(site("postgresql+psycopg://nobody@127.0.0.1:1/none"))

    response = await client.http("put", params={"value": "x"})

    assert (response.status_code, response.content["code"]) == (503, "sessions_unavailable")


def _record(name: str) -> RefreshRecord:
    return RefreshRecord(
        digest=name,
        family="f",
        identifier="ada",
        access_id=f"access-{name}",
        access_expires=100.0,
        expires=1000.0,
        ends=1000.0,
    )


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
async def test_login_that_ends_while_its_token_is_used_has_no_token_left(
    request: pytest.FixtureRequest, server: str
) -> None:
    """The search does not see a token that is committed after the search has begun."""
    url = request.getfixturevalue(f"{server}_database").url
    async with StoreDatabase(ResourcesSettings(url=url)) as database:
        await database.create_tables()
        store = DatabaseTokenStore(database)
        for _ in range(10):
            await store.add(_record("0"), 1.0)
            results, ended = await asyncio.gather(_use(store), store.end_family("f", 2.0))

            assert results[-1] is RotationResult.UNKNOWN
            assert len(ended) >= 1
            assert await database.run(_count, ServiceUnavailableException) == 0


async def _count(db: AsyncConnection) -> int:
    return await db.scalar(select(func.count()).select_from(REFRESH_TOKEN)) or 0


async def _use(store: DatabaseTokenStore) -> list[RotationResult]:
    """Rotate one token after the other, until the login has ended; at most 200 times."""
    results = [RotationResult.DONE]
    while results[-1] is RotationResult.DONE and len(results) < 200:
        number = len(results)
        results.append(await store.rotate(f"{number - 1}", _record(f"{number}"), 1.0, 0.0))
    return results


def test_tables_of_stores_have_a_prefix() -> None:
    assert all(name.startswith("rxkernel_") for name in METADATA.tables)
    assert SESSION.name == "rxkernel_session"

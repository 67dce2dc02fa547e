"""`@transaction`: the modes of the database, and repetition after a conflict."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import AfterCommit, Database, transaction
from rxkernel import ConfigurationError, Request, both, http, websocket
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Article, Author, application, create_tables
from tests.bundles.resources.servers import TestDatabase


@transaction(readonly=True)
class Readers:
    @http("POST", "/write", "write")
    async def write(self, session: AsyncSession) -> None:
        session.add(Author(name="ada"))

    @http("GET", "/read", "read")
    async def read(self, session: AsyncSession) -> list[str]:
        return list(await session.scalars(select(Author.name)))

    @http("POST", "/own", "own")
    @transaction()
    async def own(self, session: AsyncSession) -> None:
        session.add(Author(name="own"))


async def test_readonly_transaction_rejects_writing(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = client_of(await create_tables(application(any_database.url, Readers)))

    assert (await client.http("write")).status_code == 500
    assert (await client.http("own")).status_code == 200  # on the same connection
    assert (await client.http("write")).status_code == 500
    assert (await client.http("read")).content == ["own"]


class Isolated:
    @http("GET", "/", "level")
    @transaction(isolation="SERIALIZABLE")
    async def level(self, session: AsyncSession) -> Any:
        return await session.scalar(text("SHOW transaction_isolation"))

    @http("GET", "/usual", "usual")
    async def usual(self, session: AsyncSession) -> Any:
        return await session.scalar(text("SHOW transaction_isolation"))


async def test_isolation_of_a_transaction_ends_with_it(
    client_of: ClientOf, postgresql_database: TestDatabase
) -> None:
    """For MariaDB, see the conflicts below, which only SERIALIZABLE has."""
    client = client_of(application(postgresql_database.url, Isolated))

    assert (await client.http("level")).content == "serializable"
    assert (await client.http("usual")).content == "read committed"


class Counter:
    """Two clients read, then both write: one of them has read an old value."""

    def __init__(self) -> None:
        self.calls = 0
        self.both_read = asyncio.Barrier(2)

    async def _increment(self, id: int, session: AsyncSession, after: AfterCommit) -> int:
        self.calls += 1
        found = await session.get_one(Article, id)
        if self.calls <= 2:
            await self.both_read.wait()
        stars = found.stars + 1
        await session.execute(update(Article).where(Article.id == id).values(stars=stars))
        after.emit("stars", stars)
        return stars

    @websocket("increment")
    @transaction(isolation="SERIALIZABLE", retries=3)
    async def increment(self, id: int, session: AsyncSession, after: AfterCommit) -> int:
        return await self._increment(id, session, after)

    @websocket("increment_and_note")
    @transaction(isolation="SERIALIZABLE", retries=3)
    async def increment_and_note(self, id: int, session: AsyncSession, after: AfterCommit) -> int:
        session.add(Author(name=uuid4().hex[:8]))
        await session.commit()
        return await self._increment(id, session, after)

    @both("GET", "/increment/{id}", "increment_by_get")
    @transaction(isolation="SERIALIZABLE")
    async def increment_by_get(self, id: int, session: AsyncSession, after: AfterCommit) -> int:
        return await self._increment(id, session, after)


async def _counter_of(client_of: ClientOf, url: str) -> Any:
    client = client_of(await create_tables(application(url, counter := Counter())))
    async with client.application.injector.get(Database).unit_of_work() as work:
        work.session.add(Article(id=1, slug="a"))
    return client, counter


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
async def test_conflict_is_retried_and_emits_once(
    client_of: ClientOf, dialect: str, request: pytest.FixtureRequest
) -> None:
    """SQLite has no such conflict, since a transaction that may write holds the lock from its
    start."""
    client, counter = await _counter_of(
        client_of, request.getfixturevalue(f"{dialect}_database").url
    )
    async with client.connection() as connection:
        replies = await asyncio.gather(
            *(client.websocket("increment", params={"id": 1}) for _ in range(2))
        )

        assert sorted(reply.content for reply in replies) == [1, 2]
        assert counter.calls == 3
        assert connection.emitted == [("stars", (1,)), ("stars", (2,))]


async def test_conflict_after_a_commit_of_the_action_is_not_retried(
    client_of: ClientOf, postgresql_database: TestDatabase
) -> None:
    client, _ = await _counter_of(client_of, postgresql_database.url)

    replies = await asyncio.gather(
        *(client.websocket("increment_and_note", params={"id": 1}) for _ in range(2))
    )

    assert sorted(reply.status_code for reply in replies) == [200, 409], replies


async def test_conflict_without_retries_is_409(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client, _ = await _counter_of(client_of, any_database.url)

    replies = await asyncio.gather(
        *(client.http("increment_by_get", params={"id": 1}) for _ in range(2))
    )

    assert sorted(reply.status_code for reply in replies) == [200, 409]
    failed = next(reply for reply in replies if reply.status_code == 409)
    assert failed.content["code"] == "transaction_conflict"


async def test_session_of_action_without_transaction_is_boot_error(
    sqlite_database: TestDatabase,
) -> None:
    class Wrong:
        @http("GET", "/", "wrong")
        @transaction(None)
        async def wrong(self, session: AsyncSession) -> None: ...

        @http("GET", "/too", "too")
        @transaction(None)
        async def too(self, after: AfterCommit) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await application(sqlite_database.url, Wrong).boot()

    assert [problem.split("cannot bind parameter ")[1] for problem in caught.value.problems] == [
        "'session': it is a session, and the action has @transaction(None); remove one",
        "'after': it is AfterCommit, and the action has @transaction(None); remove one",
    ]


async def test_retries_of_streamed_body_is_boot_error(sqlite_database: TestDatabase) -> None:
    class Upload:
        @http("POST", "/", "upload")
        @transaction(retries=1)
        async def upload(self, body: AsyncIterator[bytes], session: AsyncSession) -> None: ...

    with pytest.raises(ConfigurationError, match="reads the body as a stream"):
        await application(sqlite_database.url, Upload).boot()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"isolation": "DIRTY"}, "isolation is 'DIRTY'; it must be one of READ COMMITTED"),
        ({"retries": -1}, "retries is -1"),
        ({"uses": True}, "write @transaction"),
        ({"uses": None, "readonly": True}, "None means no transaction"),
    ],
)
def test_transaction_with_wrong_argument_is_refused(arguments: dict[str, Any], text: str) -> None:
    uses = arguments.pop("uses", ...)
    with pytest.raises(ConfigurationError, match=text):
        transaction(uses, **arguments)


async def test_session_requested_without_transaction_is_an_error(
    client_of: ClientOf, sqlite_database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    class Asking:
        @http("GET", "/", "asking")
        @transaction(None)
        async def asking(self, request: Request) -> None:
            await request.get(AsyncSession)

    client = client_of(application(sqlite_database.url, Asking))

    assert (await client.http("asking")).status_code == 500
    assert "'asking' asks for a session of the database, and its action has" in caplog.text

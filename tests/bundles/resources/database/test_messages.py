"""The transaction of a message in special cases: cancellation, savepoints, nested calls,
procedures of other transports, plain functions."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import QueuePool

from bundles.resources import AfterCommit, Database, ResourcesBundle
from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    Event,
    HeadEvent,
    Kernel,
    KernelEvents,
    Request,
    Transport,
    both,
    http,
    procedure,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, Base, application, create_tables
from tests.bundles.resources.servers import TestDatabase

BUS = Transport("BUS")
SLEEP = {
    "postgresql": "SELECT pg_sleep(20)",
    "mariadb": "SELECT SLEEP(20)",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
    "SELECT count(*) FROM n",
}


async def _count(application: Application) -> int:
    async with application.injector.get(Database).unit_of_work(readonly=True) as work:
        return await work.session.scalar(select(func.count(Author.id))) or 0


def _in_use(application: Application) -> int:
    pool = application.injector.get(Database).engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


class Waiting:
    def __init__(self) -> None:
        self.has_begun = asyncio.Event()

    @http("POST", "/wait", "wait")
    async def wait(self, session: AsyncSession) -> None:
        session.add(Author(name="ada"))
        await session.flush()
        self.has_begun.set()
        await asyncio.Event().wait()

    @http("POST", "/execute", "execute")
    async def execute(self, session: AsyncSession) -> None:
        session.add(Author(name="ada"))
        await session.flush()
        self.has_begun.set()
        await session.execute(text(SLEEP[session.get_bind().dialect.name]))


@pytest.mark.parametrize("name", ["wait", "execute"])
async def test_cancelled_message_rolls_back_and_returns_connection(
    client_of: ClientOf, any_database: TestDatabase, name: str
) -> None:
    site = await create_tables(application(any_database.url, waiting := Waiting()))
    definition = site.kernel.http_definitions[name]
    task = asyncio.ensure_future(definition.handler(Request(Transport.HTTP)))
    await waiting.has_begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert _in_use(site) == 0
    assert await _count(site) == 0
    await site.stop()


class Savepoints:
    @both("POST", "/twice/{name}", "twice")
    async def twice(self, name: str, session: AsyncSession) -> str:
        session.add(Author(name=name))
        await session.flush()
        try:
            async with session.begin_nested():
                session.add(Author(name=name))
                await session.flush()
        except IntegrityError:
            return "already exists"
        return "added"


async def test_savepoint_keeps_transaction_after_error(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = client_of(await create_tables(application(any_database.url, Savepoints)))

    assert (await client.http("twice", params={"name": "ada"})).content == "already exists"
    assert await _count(client.application) == 1


class Calls:
    def __init__(self) -> None:
        self.kernel: Kernel | None = None

    @http("POST", "/inner/{name}", "inner")
    async def inner(self, name: str, session: AsyncSession) -> None:
        session.add(Author(name=name))

    @http("POST", "/outer", "outer")
    async def outer(self, request: Request, fails: bool = False) -> None:
        assert self.kernel is not None
        definition = self.kernel.http_definitions["inner"]
        inner = request.inner(definition, None)
        inner.params = {"name": "ada"}
        pipeline: Any = definition.pipeline
        await pipeline.action(inner)
        if fails:
            raise LookupError


async def test_call_within_message_is_in_its_transaction(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = client_of(application(sqlite_database.url, calls := Calls()))
    await client.application.boot()
    calls.kernel = client.application.kernel

    assert (await client.http("outer", params={"fails": True})).status_code == 500
    assert await _count(client.application) == 0
    assert (await client.http("outer")).status_code == 200
    assert await _count(client.application) == 1


class BusBundle(Bundle):
    name = "bus"
    transports = (BUS,)


class Procedures:
    @procedure("add", BUS)
    async def add(self, name: str, session: AsyncSession, after: AfterCommit) -> int:
        session.add(author := Author(name=name))
        await session.flush()
        after.emit("added", author.id)
        return author.id


async def test_procedure_of_another_transport_has_a_session(client_of: ClientOf) -> None:
    client = client_of(Procedures, bundles=[ResourcesBundle(Base), BusBundle], database="memory")
    async with client.connection() as connection:
        assert (await client.call(BUS, "add", params={"name": "ada"})).content == 1
        assert connection.emitted == [("added", (1,))]
    assert await _count(client.application) == 1


async def test_listener_uses_the_session_of_the_action(client_of: ClientOf) -> None:
    class Same:
        @http("GET", "/", "same")
        async def same(self, request: Request, session: AsyncSession) -> bool:
            return request.attributes["session"] is session

    client = client_of(Same, bundles=[ResourcesBundle(Base)], database="memory")

    async def ask(event: HeadEvent) -> None:
        event.request.attributes["session"] = await event.request.get(AsyncSession)

    client.dispatcher.add_listener(KernelEvents.KERNEL_HEAD, ask)

    assert (await client.http("same")).content is True


async def test_session_of_plain_function_is_boot_error() -> None:
    class Plain:
        @http("GET", "/", "plain")
        def plain(self, session: AsyncSession) -> None: ...

    with pytest.raises(
        ConfigurationError, match=r"its action is a plain def, which runs in a thread.* async def"
    ):
        await application("sqlite+aiosqlite:///none.sqlite3", Plain).boot()


class Following:
    """The actions after a commit, in order."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    async def note(self, what: str) -> None:
        self.done.append(what)

    @http("POST", "/", "follow")
    async def follow(self, session: AsyncSession, after: AfterCommit) -> None:
        session.add(Author(name="ada"))
        after.run(self.note, "first")
        after.dispatch("author.added", Event())
        after.run(self.fail)
        after.run(self.note, "last")
        self.done.append("action")

    async def fail(self) -> None:
        raise LookupError


async def test_after_commit_calls_in_order_and_survives_failure(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(
        following := Following(), bundles=[ResourcesBundle(Base)], database="memory"
    )

    async def listener(event: Event) -> None:
        following.done.append(f"listener sees {await _count(client.application)} row")

    async def respond(event: Event) -> None:
        following.done.append("response")

    client.dispatcher.add_listener("author.added", listener)
    client.dispatcher.add_listener(KernelEvents.KERNEL_RESPONSE, respond)

    assert (await client.http("follow")).status_code == 200
    assert following.done == ["action", "first", "listener sees 1 row", "last", "response"]
    assert "a call of AfterCommit failed after the commit: run(Following.fail)" in caplog.text


async def test_failed_commit_drops_after_commit(client_of: ClientOf) -> None:
    """The unique constraint is only checked when the session is flushed by the commit."""

    class Twice:
        @http("POST", "/", "add")
        async def add(self, session: AsyncSession, after: AfterCommit) -> None:
            session.add(Author(name="ada"))
            after.emit("added")

    client = client_of(Twice, bundles=[ResourcesBundle(Base)], database="memory")
    async with client.connection() as connection:
        assert (await client.http("add")).status_code == 200
        assert (await client.http("add")).status_code == 409
        assert connection.emitted == [("added", ())]

"""Messages that are cancelled while SQLite begins their transaction, after any number of turns of
the loop: the thread of the driver executes the statement nevertheless."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from bundles.resources import Database
from tests.bundles.resources.articles import Article, application, create_tables
from tests.bundles.resources.servers import TestDatabase


@pytest.fixture
async def database(sqlite_database: TestDatabase) -> AsyncIterator[Database]:
    """Has one connection, so that the next message gets that of the cancelled one."""
    running = await create_tables(application(sqlite_database.url, pool_size=1, busy_timeout=1.0))
    yield running.injector.get(Database)
    await running.stop()


async def read(database: Database) -> None:
    async with database.session(readonly=True) as session:
        await session.scalars(select(Article))


async def write(database: Database, slug: str) -> None:
    async with database.unit_of_work() as work:
        work.session.add(Article(slug=slug))


async def cancel_after(task: "asyncio.Task[None]", turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_cancelled_reader_leaves_a_connection_that_can_write(database: Database) -> None:
    for turns in range(1, 40):
        await cancel_after(asyncio.create_task(read(database)), turns)
        await write(database, str(turns))


async def test_cancelled_writer_leaves_no_lock(database: Database) -> None:
    for turns in range(1, 40):
        await cancel_after(asyncio.create_task(write(database, f"never {turns}")), turns)
        await write(database, str(turns))


async def test_writer_that_is_cancelled_while_it_waits_for_the_lock_leaves_none(
    database: Database, sqlite_database: TestDatabase
) -> None:
    other = await create_tables(application(sqlite_database.url, pool_size=1))
    async with other.injector.get(Database).unit_of_work() as first:
        first.session.add(Article(slug="first"))
        await first.session.flush()
        await cancel_after(asyncio.create_task(write(database, "never")), turns=200)
    for number in range(3):
        await write(database, str(number))
    await other.stop()

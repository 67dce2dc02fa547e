"""Review of issue 23: cancelled messages. These tests fail and are not fixed yet."""

import asyncio
import contextlib

import pytest
from sqlalchemy import select, text

from bundles.resources import Database
from tests.bundles.resources.articles import Article, application, create_tables
from tests.bundles.resources.servers import TestDatabase


async def test_writer_that_is_cancelled_while_it_waits_leaves_no_lock(
    sqlite_database: TestDatabase,
) -> None:
    app = await create_tables(application(sqlite_database.url, busy_timeout=2.0))
    database = app.injector.get(Database)
    try:

        async def write(slug: str) -> None:
            async with database.unit_of_work() as work:
                work.session.add(Article(slug=slug))

        async with database.unit_of_work() as first:
            first.session.add(Article(slug="a"))
            await first.session.flush()
            waiting = asyncio.create_task(write("b"))
            await asyncio.sleep(0.3)  # BEGIN IMMEDIATE waits in the thread of the driver
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        for number in range(12):
            await write(f"c{number}")
    finally:
        await app.shutdown() if hasattr(app, "shutdown") else await app.stop()


@pytest.mark.parametrize("turns", range(1, 40))
async def test_reader_that_is_cancelled_leaves_a_connection_that_can_write(
    sqlite_database: TestDatabase, turns: int
) -> None:
    app = await create_tables(application(sqlite_database.url, pool_size=1, busy_timeout=1.0))
    database = app.injector.get(Database)
    try:

        async def read() -> None:
            async with database.session(readonly=True) as session:
                await session.scalars(select(Article))

        reading = asyncio.create_task(read())
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        async with database.unit_of_work() as work:
            work.session.add(Article(slug="a"))
            await work.session.flush()
            await work.session.execute(text("SELECT 1"))
    finally:
        await app.shutdown() if hasattr(app, "shutdown") else await app.stop()

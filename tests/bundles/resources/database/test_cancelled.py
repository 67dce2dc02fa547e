"""A task that is cancelled while SQLite begins its transaction.

The thread of the driver executes the statement nevertheless.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import Database
from bundles.resources.database import sqlite
from tests.bundles.resources.articles import Author, application
from tests.bundles.resources.servers import TestDatabase


@pytest.fixture
async def database(sqlite_database: TestDatabase) -> AsyncIterator[Database]:
    site = application(sqlite_database.url, pool_size=2, busy_timeout=0.3)
    async with site:
        yield site.injector.get(Database)


async def _write(database: Database, name: str) -> None:
    async with database.unit_of_work() as work:
        work.session.add(Author(name=name))


async def _cancel_after(turns: int, task: "asyncio.Task[None]") -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


def _noting(begins: asyncio.Event) -> Callable[[Connection, str], None]:
    """``_execute``, which sets *begins* in the step in which the thread gets the statement."""
    execute = sqlite._execute

    def noting(connection: Connection, statement: str) -> None:
        begins.set()
        execute(connection, statement)

    return noting


async def test_writer_cancelled_while_it_waits_for_lock_leaves_no_lock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.unit_of_work() as first:
        first.session.add(Author(name="first"))
        await first.session.flush()
        begins = asyncio.Event()
        monkeypatch.setattr(sqlite, "_execute", _noting(begins))
        waiting = asyncio.create_task(_write(database, "waiting"))
        await asyncio.wait_for(begins.wait(), 20)
        await _cancel_after(0, waiting)

    for number in range(4):  # on each connection of the pool
        await _write(database, f"name {number}")


async def test_reader_cancelled_at_any_step_leaves_connection_that_can_write(
    database: Database,
) -> None:
    async def read() -> None:
        async with database.session(readonly=True) as session:
            await _names(session)

    for turns in range(1, 40):
        await _cancel_after(turns, asyncio.create_task(read()))
        await _write(database, f"n {turns}")

    async with database.session() as session:
        assert len(await _names(session)) == 39


async def _names(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(Author.name)))

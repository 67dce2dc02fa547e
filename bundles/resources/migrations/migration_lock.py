"""A lock, so that only one process at a time changes the tables of a database."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

_POLL = 0.2
"""Seconds between two attempts."""

_KEY = int.from_bytes(b"rxkernel")
"""The key of the advisory lock in PostgreSQL; each database has its own locks."""

_NAME = "CONCAT('rxkernel.', LEFT(DATABASE(), 50))"
"""The name of the lock in MariaDB; all databases of a server share the names."""

_LOCKS = {
    "postgresql": (f"SELECT pg_try_advisory_lock({_KEY})", f"SELECT pg_advisory_unlock({_KEY})"),
    "mysql": (f"SELECT GET_LOCK({_NAME}, 0)", f"SELECT RELEASE_LOCK({_NAME})"),
    "mariadb": (f"SELECT GET_LOCK({_NAME}, 0)", f"SELECT RELEASE_LOCK({_NAME})"),
}
"""Statements for the lock. The server also releases it when the connection ends."""


@asynccontextmanager
async def migration_lock(
    connection: AsyncConnection, when_waiting: Callable[[], None]
) -> AsyncIterator[None]:
    """Hold the lock while the body runs; *when_waiting* is called if another process holds it.

    In SQLite the body runs in a transaction that is committed after it, or rolled back. Foreign
    keys are not enforced there, because Alembic replaces tables to which others refer. In
    PostgreSQL and MariaDB the body begins its own transactions.
    """
    if connection.dialect.name == "sqlite":
        async with _sqlite_lock(connection, when_waiting):
            yield
        return
    acquire, release = _LOCKS[connection.dialect.name]
    await _until(lambda: _select(connection, acquire), when_waiting)
    try:
        yield
    finally:
        if not connection.invalidated:
            await connection.rollback()
            await _select(connection, release)


@asynccontextmanager
async def _sqlite_lock(
    connection: AsyncConnection, when_waiting: Callable[[], None]
) -> AsyncIterator[None]:
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    for pragma in ("foreign_keys = OFF", "busy_timeout = 200"):
        await driver.execute(f"PRAGMA {pragma}")  # it has no effect inside of a transaction
    await _until(lambda: _begin(connection), when_waiting)
    try:
        yield
        await connection.commit()
    finally:
        await connection.rollback()


async def _until(attempt: Callable[[], Awaitable[bool]], when_waiting: Callable[[], None]) -> None:
    if await attempt():
        return
    when_waiting()
    while not await attempt():  # noqa: ASYNC110 - another process releases it
        await asyncio.sleep(_POLL)


async def _select(connection: AsyncConnection, statement: str) -> bool:
    is_done = await connection.scalar(text(statement))
    await connection.commit()
    return bool(is_done)


async def _begin(connection: AsyncConnection) -> bool:
    try:
        await connection.begin()
    except OperationalError as exc:
        if getattr(exc.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            return False
        raise
    return True

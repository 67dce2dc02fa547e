"""A stream reads in the session of its message, and holds no lock for writing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import QueuePool

from bundles.resources import Database
from rxkernel import Application, StreamResponse, http
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, application, create_tables
from tests.bundles.resources.servers import TestDatabase
from tests.serving import serving
from tests.waiting import until


class Names:
    @http("POST", "/authors/{name}", "add")
    async def add(self, name: str, session: AsyncSession) -> None:
        session.add(Author(name=name))

    @http("POST", "/names", "names")
    async def names(self, session: AsyncSession) -> StreamResponse:
        session.add(Author(name="new"))  # committed before the stream begins
        return StreamResponse(self._names(session))

    async def _names(self, session: AsyncSession) -> AsyncIterator[bytes]:
        async for name in await session.stream_scalars(select(Author.name).order_by(Author.id)):
            yield name.encode()

    @http("POST", "/writing", "writing")
    async def writing(self, session: AsyncSession) -> StreamResponse:
        async def write() -> AsyncIterator[bytes]:
            yield b"begin"
            session.add(Author(name="never"))
            await session.flush()

        return StreamResponse(write())

    @http("GET", "/endless", "endless")
    async def endless(self, session: AsyncSession) -> StreamResponse:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                await session.scalars(select(Author.name))
                yield b"x" * 1000

        return StreamResponse(pieces())


def _in_use(application: Application) -> int:
    pool = application.injector.get(Database).engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


async def test_stream_that_is_open_holds_no_lock(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    site = await create_tables(application(any_database.url, Names, busy_timeout=0.05))
    client = client_of(site)
    await client.http("add", params={"name": "ada"})

    response = await client.http("names")
    names: Any = response.content
    assert await anext(names) == b"ada"
    assert (await client.http("add", params={"name": "bob"})).status_code == 200

    assert [name async for name in names] == [b"new"], "the stream reads one snapshot"
    assert _in_use(site) == 0


async def test_source_of_stream_cannot_write(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = client_of(await create_tables(application(any_database.url, Names)))

    response = await client.http("writing")
    pieces: Any = response.content
    assert await anext(pieces) == b"begin"
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"):
        await anext(pieces)

    assert (await client.http("names")).status_code == 200


async def test_client_that_leaves_returns_connection(any_database: TestDatabase) -> None:
    site = application(any_database.url, Names)
    async with serving(await create_tables(site)):
        port = site.servers["http"].port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readexactly(5000)
        assert _in_use(site) == 1

        writer.close()

        await until(lambda: _in_use(site) == 0)

"""A session that another task still uses when its message ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import Database
from rxkernel import KernelClient, RxKernelError, http
from tests.bundles.resources.articles import Author, application, create_tables
from tests.bundles.resources.servers import TestDatabase


class Authors:
    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.has_ended = asyncio.Event()

    @http("POST", "/together", "together")
    async def together(self, session: AsyncSession) -> int:
        self.tasks = [asyncio.create_task(self._names(session)) for _ in range(2)]
        return len(await asyncio.gather(*self.tasks))

    @http("POST", "/later", "later")
    async def later(self, session: AsyncSession) -> None:
        self.tasks = [asyncio.create_task(self._later(session))]

    async def _later(self, session: AsyncSession) -> Any:
        await self.has_ended.wait()
        return await self._names(session)

    @http("POST", "/usual", "usual")
    async def usual(self, session: AsyncSession) -> list[str]:
        return await self._names(session)

    async def _names(self, session: AsyncSession) -> list[str]:
        return list(await session.scalars(select(Author.name)))


@pytest.fixture
async def client(any_database: TestDatabase) -> AsyncIterator[KernelClient]:
    site = application(any_database.url, Authors(), pool_size=1, pool_timeout=0.5)
    async with KernelClient(await create_tables(site)) as client:
        yield client


def _controller(client: KernelClient) -> Authors:
    found: Authors = client.application.controllers[0]
    return found


async def test_session_used_by_two_tasks_at_a_time_leaves_no_connection(
    client: KernelClient,
) -> None:
    for _ in range(2):
        await client.http("together")  # it is 500 if both begin the transaction
        await asyncio.wait(_controller(client).tasks)
        assert (await client.http("usual")).status_code == 200

    assert client.application.injector.get(Database).engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_session_used_after_its_message_is_refused(client: KernelClient) -> None:
    await client.http("later")
    (task,) = _controller(client).tasks
    _controller(client).has_ended.set()

    with pytest.raises(RxKernelError, match="a session is used after its message"):
        await asyncio.wait_for(task, 20)
    assert (await client.http("usual")).status_code == 200

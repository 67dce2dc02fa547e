"""A task that is cancelled while it commits, or makes the calls of `AfterCommit`."""

import asyncio
import logging
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import AfterCommit, Database, unit_of_work
from rxkernel import http
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, application, create_tables
from tests.bundles.resources.servers import TestDatabase


class Authors:
    def __init__(self) -> None:
        self.called: list[str] = []
        self.first_is_called = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def _first(self) -> None:
        self.first_is_called.set()
        await self.may_go_on.wait()

    async def _second(self, name: str) -> None:
        self.called.append(name)

    @http("POST", "/add", "add")
    async def add(self, session: AsyncSession, after: AfterCommit) -> None:
        self._add(session, after)

    @http("POST", "/in-unit", "in_unit")
    async def in_unit(self) -> None:
        async with unit_of_work() as work:
            self._add(work.session, work.after)

    def _add(self, session: AsyncSession, after: AfterCommit) -> None:
        session.add(Author(name="ada"))
        after.run(self._first)
        after.run(self._second, "ada")


@pytest.mark.parametrize("route", ["add", "in_unit"])
async def test_message_cancelled_while_it_commits_makes_its_calls(
    client_of: ClientOf, any_database: TestDatabase, route: str
) -> None:
    site = await create_tables(application(any_database.url, controller := Authors()))
    client = client_of(site)
    database = site.injector.get(Database)
    message: asyncio.Task[Any] = asyncio.create_task(client.http(route))

    # ahead of the COMMIT, so the cancellation arrives while the database executes it
    event.listen(database.engine.sync_engine, "commit", lambda _: message.cancel(), once=True)
    await asyncio.wait({message})
    assert message.cancelled()
    await asyncio.wait_for(controller.first_is_called.wait(), 20)
    await client.application.stop()

    assert controller.called == ["ada"]


@pytest.mark.parametrize("route", ["add", "in_unit"])
async def test_message_cancelled_during_a_call_makes_the_others(
    client_of: ClientOf, sqlite_database: TestDatabase, route: str
) -> None:
    client = client_of(application(sqlite_database.url, controller := Authors()))
    controller.may_go_on.clear()
    message = asyncio.create_task(client.http(route))
    await asyncio.wait_for(controller.first_is_called.wait(), 20)

    message.cancel()
    await asyncio.wait({message})  # does not wait for the call
    assert message.cancelled()
    assert controller.called == []
    controller.may_go_on.set()
    await client.application.stop()  # waits for it

    assert controller.called == ["ada"]


async def test_commit_of_cancelled_message_that_fails_is_logged(
    client_of: ClientOf, sqlite_database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(application(sqlite_database.url, controller := Authors()))
    await client.application.boot()
    database = client.application.injector.get(Database)
    message: asyncio.Task[Any] = asyncio.create_task(client.http("add"))

    def fail(_: object) -> None:
        message.cancel()
        raise LookupError("by the test")

    event.listen(database.engine.sync_engine, "commit", fail, once=True)
    await asyncio.wait({message})
    await client.application.stop()

    assert controller.called == []
    assert [record.levelno for record in caplog.records if record.name == "rxkernel.database"] == [
        logging.ERROR
    ]

"""`AfterCommit`: its calls belong to the transaction in which they were added."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import AfterCommit, Database
from rxkernel import http
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, application
from tests.bundles.resources.servers import TestDatabase


class Authors:
    def __init__(self) -> None:
        self.called: list[str] = []

    async def _note(self, name: str) -> None:
        self.called.append(name)

    @http("POST", "/rolled-back", "rolled_back")
    async def rolled_back(self, session: AsyncSession, after: AfterCommit) -> None:
        session.add(Author(name="ada"))
        after.run(self._note, "before")
        await session.rollback()
        session.add(Author(name="bob"))
        after.run(self._note, "afterwards")

    @http("POST", "/savepoint", "savepoint")
    async def savepoint(self, session: AsyncSession, after: AfterCommit) -> None:
        after.run(self._note, "before")
        async with session.begin_nested():
            after.run(self._note, "kept")
        for name in ("a", "a"):
            try:
                async with session.begin_nested():
                    after.run(self._note, name)
                    session.add(Author(name=name))
            except IntegrityError:
                after.run(self._note, "failed")

    @http("POST", "/committed", "committed")
    async def committed(self, session: AsyncSession, after: AfterCommit) -> None:
        session.add(Author(name="ada"))
        after.run(self._note, "committed")
        await session.commit()
        session.add(Author(name="bob"))
        after.run(self._note, "dropped")
        await session.rollback()


@pytest.mark.parametrize(
    ("route", "called"),
    [
        ("rolled_back", ["afterwards"]),
        ("savepoint", ["before", "kept", "a", "failed"]),
        ("committed", ["committed"]),
    ],
)
async def test_rollback_in_action_drops_calls_of_its_transaction(
    client_of: ClientOf, sqlite_database: TestDatabase, route: str, called: list[str]
) -> None:
    client = client_of(application(sqlite_database.url, controller := Authors()))

    assert (await client.http(route)).status_code == 200
    assert controller.called == called


async def test_rollback_in_unit_of_work_drops_calls(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = client_of(application(sqlite_database.url))
    await client.application.boot()
    called: list[Any] = []

    async def note() -> None:
        called.append(1)

    async with client.application.injector.get(Database).unit_of_work() as work:
        work.session.add(Author(name="ada"))
        work.after.run(note)
        await work.session.rollback()

    assert called == []

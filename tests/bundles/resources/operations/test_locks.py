"""A row that may be changed is locked until the commit, if the database can lock rows.

SQLite has one writer at a time, so its transactions need no locks of rows.
"""

import asyncio
from typing import Annotated

import pytest
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import DBAPIError

from bundles.resources import (
    BulkRemove,
    Database,
    Get,
    OperationEvent,
    Patch,
    Remove,
    Resource,
    Row,
    Update,
    operation,
    transaction,
)
from rxkernel import Application, KernelClient, Request
from tests.bundles.resources.articles import application
from tests.bundles.resources.operations.tasks import (
    Base,
    Note,
    NoteText,
    NoteView,
    create_tables,
)
from tests.bundles.resources.servers import TestDatabase


class OwnNotes(Resource[Note], path="/notes", name="note"):
    """A table without a version column, whose rows are visible by a value that may change."""

    operations = (Get(), Update(NoteText), Patch(NoteText), Remove(), BulkRemove())
    view = NoteView

    def visible(self, request: Request) -> ColumnElement[bool]:
        return Note.text != "hidden"

    async def _hide(self, event: OperationEvent) -> None:
        """Change the row as another client, unless the row is locked."""
        locked = select(Note).with_for_update(nowait=True)
        database = await event.request.get(Database)
        try:
            async with database.unit_of_work() as work:
                (await work.session.scalars(locked)).one().text = "hidden"
        except DBAPIError:
            event.status_code = 299

    async def pre_update(self, event: OperationEvent) -> None:
        await self._hide(event)

    async def pre_patch(self, event: OperationEvent) -> None:
        await self._hide(event)

    async def pre_remove(self, event: OperationEvent) -> None:
        await self._hide(event)

    async def pre_bulk_remove(self, event: OperationEvent) -> None:
        await self._hide(event)

    async def pre_finish(self, event: OperationEvent) -> None:
        await self._hide(event)

    @operation("POST", "/{id}/finish")
    async def finish(self, note: Annotated[Note, Row()]) -> NoteView:
        return NoteView(note.id, note.text)

    @operation("POST", "/{id}/grow")
    async def grow(self, note: Annotated[Note, Row()]) -> NoteView:
        before = note.text
        await asyncio.sleep(0)
        note.text = before + "x"
        return NoteView(note.id, note.text)

    @operation("POST", "/{id}/read")
    @transaction(readonly=True)
    async def read(self, note: Annotated[Note, Row()]) -> NoteView:
        return NoteView(note.id, note.text)


@pytest.fixture(params=["postgresql", "mariadb"])
async def started(request: pytest.FixtureRequest) -> Application:
    database: TestDatabase = request.getfixturevalue(f"{request.param}_database")
    found = application(database.url, OwnNotes, base=Base)
    await create_tables(found)
    async with found.injector.get(Database).unit_of_work() as work:
        work.session.add(Note(id=1, text="a"))
    return found


async def test_rows_that_may_be_changed_are_locked(started: Application) -> None:
    async with KernelClient(started) as client:
        for name, params in (
            ("update", {"id": 1}),
            ("patch", {"ids": ["1"]}),
            ("finish", {"id": 1}),
            ("bulk_remove", {"ids": ["1"]}),
        ):
            body = {"text": "b"} if name in ("update", "patch") else None
            response = await client.http(f"note_{name}", params=params, body=body)
            assert response.status_code == 299, name


async def test_row_that_is_removed_is_locked(started: Application) -> None:
    async with KernelClient(started) as client:
        assert (await client.http("note_remove", params={"id": 1})).status_code == 299


async def test_own_operations_at_once_lose_no_change(started: Application) -> None:
    async with KernelClient(started) as client:
        grow = [client.http("note_grow", params={"id": 1}) for _ in range(6)]
        statuses = [response.status_code for response in await asyncio.gather(*grow)]
        read = await client.http("note_read", params={"id": 1})

    assert statuses == [200] * 6
    assert read.content == NoteView(1, "axxxxxx")

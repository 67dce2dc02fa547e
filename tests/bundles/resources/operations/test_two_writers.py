"""No successful change is lost, whether two clients act in turn or at the same time."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from bundles.resources import Create, Get, Resource, ResourcesBundle, ResourcesSettings, Update
from rxkernel import Application, KernelClient, Response, Settings
from tests.bundles.resources.operations.tasks import (
    Base,
    NewTask,
    Note,
    NoteText,
    NoteView,
    Task,
    TaskView,
    create_tables,
)
from tests.bundles.resources.servers import TestDatabase

Step = tuple[Literal["read", "write", "force", "race"], int]

STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "write", "force", "race"]), st.integers(0, 1)), max_size=10
)


class TaskResource(Resource[Task], path="/tasks", name="task"):
    operations = (Get(), Create(NewTask), Update(NewTask))
    view = TaskView


class NoteResource(Resource[Note], path="/notes", name="note"):
    """A table without a version column: the tag is a hash of the view."""

    operations = (Get(), Create(NoteText), Update(NoteText))
    view = NoteView


class Writers:
    """Two clients of one row, and the expected row."""

    numbers = count()

    def __init__(self, client: KernelClient, name: str) -> None:
        self._client = client
        self._name = name
        self._field = {"task": "title", "note": "text"}[name]
        self.known: list[str | None] = [None, None]

    async def run(self, steps: Sequence[Step]) -> None:
        created = await self._client.http(f"{self._name}_create", body={self._field: "new"})
        self.id, self.tag, self.text = created.content.id, created.headers["ETag"], "new"
        for kind, writer in steps:
            await getattr(self, kind)(writer)
        await self.read(0)

    async def read(self, writer: int) -> None:
        response = await self._client.http(f"{self._name}_get", params={"id": self.id})
        assert getattr(response.content, self._field) == self.text
        assert response.headers["ETag"] == self.tag
        self.known[writer] = self.tag

    async def write(self, writer: int) -> None:
        """Change the row if it has the version that the client last read or wrote."""
        known = self.known[writer]
        if known is not None:
            text, response = await self._put(known)
            assert response.status_code == (204 if known == self.tag else 412)
            self._note(writer, text, response)

    async def force(self, writer: int) -> None:
        self._note(writer, *await self._put(None))

    async def race(self, writer: int) -> None:
        """Both clients read the row, and change it at the same time: one of them succeeds."""
        await self.read(0)
        await self.read(1)
        results = await asyncio.gather(self._put(self.tag), self._put(self.tag))
        statuses = [response.status_code for _, response in results]
        assert sorted(statuses) == [204, 412]
        for number, (text, response) in enumerate(results):
            self._note(number, text, response)

    async def _put(self, tag: str | None) -> tuple[str, Response]:
        text = f"text {next(self.numbers)}"
        response = await self._client.http(
            f"{self._name}_update",
            params={"id": self.id},
            body={self._field: text},
            headers={} if tag is None else {"If-Match": tag},
        )
        return text, response

    def _note(self, writer: int, text: str, response: Response) -> None:
        if response.status_code == 204:
            self.text, self.tag = text, response.headers["ETag"]
            self.known[writer] = self.tag


def test_two_writers_never_lose_a_change(any_database: TestDatabase) -> None:
    resources = ResourcesSettings(url=any_database.url)
    client = KernelClient(
        Application(
            bundles=[ResourcesBundle(Base)],
            controllers=[TaskResource, NoteResource],
            settings=Settings(bundles={"resources": resources}),
        )
    )
    with asyncio.Runner() as runner:
        runner.run(create_tables(client.application))

        @settings(max_examples=20)
        @given(STEPS, st.sampled_from(["task", "note"]))
        def holds(steps: list[Step], name: str) -> None:
            runner.run(Writers(client, name).run(steps))

        try:
            holds()
        finally:
            runner.run(client.close())

"""Outages of the store."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from injector import Binder, singleton

from bundles.tasks import TASKS, TaskEntry, TaskStore, TasksUnavailableException, every
from bundles.tasks.scheduler.memory_store import MemoryTaskStore
from rxkernel import ConfigurationError, KernelClient, procedure
from tests.bundles.tasks.site import Site, running_site


class BrokenStore(MemoryTaskStore):
    is_down = False

    def _check(self) -> None:
        if self.is_down:
            raise TasksUnavailableException

    async def acquire(self) -> bool:
        self._check()
        return True

    async def add(self, entry: TaskEntry) -> None:
        self._check()
        await super().add(entry)

    async def save(self, entry: TaskEntry) -> bool:
        self._check()
        return await super().save(entry)

    async def load(self) -> Sequence[TaskEntry]:
        self._check()
        return await super().load()


class Ticks:
    def __init__(self) -> None:
        self.ran = 0

    @every("10s", name="tick")
    async def tick(self) -> None:
        self.ran += 1

    @procedure("other", TASKS)
    async def other(self) -> None: ...


async def failing(client: KernelClient) -> set[str]:
    response = await client.http("readyz")
    return {error["name"] for error in response.content.get("errors", ())}


def bind(store: TaskStore) -> object:
    def configure(binder: Binder) -> None:
        binder.bind(TaskStore, to=lambda: store, scope=singleton)  # type: ignore[type-abstract]

    return configure


async def test_tasks_run_while_the_store_is_down_and_the_process_is_not_ready() -> None:
    ticks, store = Ticks(), BrokenStore()
    async with running_site(ticks, modules=(bind(store),)) as site:
        assert "tasks" not in await failing(site.client)
        store.is_down = True
        await site.advance(20)
        assert ticks.ran == 2
        assert "tasks" in await failing(site.client)
        with pytest.raises(TasksUnavailableException):
            await site.scheduler.add("other", every="1s")

        store.is_down = False
        await site.advance(10)

        assert "tasks" not in await failing(site.client)


async def test_tasks_begin_when_a_store_that_was_down_at_start_can_be_used() -> None:
    ticks, store = Ticks(), BrokenStore()
    store.is_down = True
    async with running_site(ticks, modules=(bind(store),)) as site:
        await site.advance(60)
        assert ticks.ran == 0

        store.is_down = False
        await site.advance(60)

        assert ticks.ran >= 3


async def test_file_that_cannot_be_opened_is_an_error_at_boot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"set tasks\.file to a new file"):
        async with running_site(Ticks, file=tmp_path / "file" / "tasks.sqlite3"):
            pass


async def test_stored_task_that_cannot_be_read_is_logged_and_the_others_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """For example, the time zone database of the machine may change."""
    file = tmp_path / "tasks.sqlite3"
    async with running_site(Ticks, file=file, is_started=False) as site:
        await site.scheduler.add("other", cron="0 3 * * *", timezone="Europe/Berlin")
        id = await site.scheduler.add("other", every="1h")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE task SET timezone = 'Mars' WHERE kind = 'cron'")
    database.close()

    with caplog.at_level(logging.ERROR):
        async with running_site(Ticks, file=file) as site:
            assert await added(site) == [id]
    assert "does not run: the time zone 'Mars' does not exist" in caplog.text


async def added(site: Site) -> list[str]:
    return [entry.id for entry in await site.scheduler.entries() if not entry.is_declared]


async def test_lock_file_that_cannot_be_used_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, ticks = tmp_path / "tasks.sqlite3", Ticks()
    lock = tmp_path / "tasks.sqlite3.lock"
    lock.write_text("this is not a file of SQLite" * 100)
    async with running_site(ticks, file=file) as site:
        assert "tasks" in await failing(site.client)
        await site.advance(90)
        assert (
            caplog.text.count("tasks.sqlite3.lock' cannot be locked: file is not a database") == 1
        )

        lock.unlink()
        async with asyncio.timeout(20):
            while not ticks.ran:
                await site.advance(30)
                await asyncio.sleep(0.01)


async def test_error_with_a_lone_surrogate_is_stored(tmp_path: Path) -> None:
    """For example, a file name that is not UTF-8 contains one."""
    file = tmp_path / "tasks.sqlite3"
    async with running_site(Surrogate, file=file, is_started=False) as site:
        record = await site.scheduler.run("surrogate")
        assert record.error == r"ValueError: no file \udcff"
    async with running_site(Surrogate, file=file, is_started=False) as site:
        assert (await site.entry("surrogate")).record == record


class Surrogate:
    @every("1h", name="surrogate")
    async def fail(self) -> None:
        raise ValueError("no file \udcff")

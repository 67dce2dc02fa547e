"""Storage of the tasks: stored tasks are kept, and an unusable file is reported at boot."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from app.tables import Account, StoredTask
from app.tasks import TaskNotFoundError, TaskRepository
from bundles.resources import Database
from rxkernel import ConfigurationError, KernelClient
from tests.app.board import board_of


async def test_tasks_survive_restart_of_application(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    async with KernelClient(board_of(folder)) as client:
        await client.http("task_create", body={"title": "still here"})
        before = (await client.http("task_list")).content

    async with KernelClient(board_of(folder)) as client:
        assert (await client.http("task_list")).content == before
    assert [task.title for task in before] == ["still here"]


async def test_application_boots_again_after_stop(tmp_path: Path) -> None:
    client = KernelClient(board_of(tmp_path))

    for count in range(2):
        async with client:
            assert len((await client.http("task_list")).content) == count
            await client.http("task_create", body={"title": "one more"})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    application = board_of(tmp_path)
    async with KernelClient(application):
        yield application.injector.get(Database)


async def test_tasks_each_yields_tasks_of_all_pages(database: Database) -> None:
    async with database.unit_of_work() as work:
        work.session.add_all(StoredTask(title=f"task {number}") for number in range(1001))
    seen = []
    async with database.session(readonly=True) as reader:
        async for task in TaskRepository(reader).each(None):
            seen.append(task)
            if task.id % 250 == 0:
                async with database.unit_of_work() as work:
                    later = delete(StoredTask).where(
                        StoredTask.id > task.id, StoredTask.id % 2 == 1
                    )
                    await work.session.execute(later)

    assert [task.id for task in seen] == [
        number for number in range(1, 1002) if number <= 500 or number % 2 == 0
    ]


async def test_slow_reader_of_all_tasks_holds_no_connection(database: Database) -> None:
    async with database.unit_of_work() as work:
        work.session.add(StoredTask(title="one"))
    async with database.session(readonly=True) as reader:
        async for _ in TaskRepository(reader).each(None):
            assert not reader.in_transaction()


async def test_unknown_id_raises_task_not_found(database: Database) -> None:
    async with database.session() as session:
        with pytest.raises(TaskNotFoundError, match="task 7 not found"):
            await TaskRepository(session).get_visible(7, None)


async def test_private_task_exists_for_its_owner_only(database: Database) -> None:
    ada, bob = (Account(username=name, password_hash="") for name in ("ada", "bob"))
    async with database.unit_of_work() as work:
        work.session.add_all(
            (ada, bob, StoredTask(title="shared"), StoredTask(title="private", owner="ada"))
        )

    async with database.session() as session:
        tasks = TaskRepository(session)
        shared, private = await tasks.all(order_by=StoredTask.id)
        for viewer in (bob, None):
            assert await tasks.visible(viewer) == [shared]
            assert [task async for task in tasks.each(viewer)] == [shared]
            with pytest.raises(TaskNotFoundError):
                await tasks.get_visible(private.id, viewer)
        assert await tasks.visible(ada) == [shared, private]
        assert [task async for task in tasks.each(ada)] == [shared, private]
        assert await tasks.get_visible(private.id, ada) is private


async def test_file_that_is_no_database_raises_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "board.sqlite3").write_text("a letter, by mistake" * 100)

    with pytest.raises(ConfigurationError, match=r"resources\.url.*board\.sqlite3.*not a data"):
        await board_of(tmp_path).boot()


async def test_folder_that_is_a_file_raises_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "var").touch()

    with pytest.raises(ConfigurationError, match=r"resources\.url"):
        await board_of(tmp_path / "var").boot()


async def test_file_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    """Times were texts of ISO 8601 with milliseconds and a Z."""
    with closing(sqlite3.connect(tmp_path / "board.sqlite3")) as file:
        file.executescript(
            """
            CREATE TABLE accounts (username TEXT PRIMARY KEY, password_hash TEXT NOT NULL);
            CREATE TABLE tasks (
                id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,
                done INTEGER NOT NULL DEFAULT FALSE,
                created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
                owner TEXT REFERENCES accounts
            );
            INSERT INTO tasks (title, created) VALUES ('old', '2026-05-06T07:08:09.123Z');
            """
        )

    async with KernelClient(board_of(tmp_path)) as client:
        (task,) = (await client.http("task_list")).content

    assert task.created == datetime(2026, 5, 6, 7, 8, 9, 123000, UTC)

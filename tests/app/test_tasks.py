"""Storage of the tasks: stored tasks are kept, and an unusable file is reported at boot."""

from pathlib import Path

import pytest

from app.accounts import Account
from app.database import Database
from app.tasks import TaskNotFoundError, TaskRepository
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


async def test_each_yields_all_pages(tmp_path: Path) -> None:
    async with Database(tmp_path / "board.sqlite3") as database:
        tasks = TaskRepository(database)
        for number in range(1001):
            await tasks.add(f"task {number}")

        seen = []
        async for task in tasks.each(None):
            seen.append(task)
            if task.id % 2:
                await tasks.delete(task.id, None)

        assert [task.title for task in seen] == [f"task {number}" for number in range(1001)]
        assert len(await tasks.all(None)) == 500


async def test_repository_unknown_id_raises_task_not_found(tmp_path: Path) -> None:
    async with Database(tmp_path / "board.sqlite3") as database:
        tasks = TaskRepository(database)
        with pytest.raises(TaskNotFoundError, match="there is no task 7"):
            await tasks.get(7, None)


async def test_private_task_exists_for_its_owner_only(tmp_path: Path) -> None:
    ada, bob = Account("ada", ""), Account("bob", "")
    async with Database(tmp_path / "board.sqlite3") as database:
        tasks = TaskRepository(database)
        shared, private = await tasks.add("shared"), await tasks.add("private", ada)

        for viewer in (bob, None):
            assert await tasks.all(viewer) == [shared]
            assert [task async for task in tasks.each(viewer)] == [shared]
            with pytest.raises(TaskNotFoundError):
                await tasks.get(private.id, viewer)
            with pytest.raises(TaskNotFoundError):
                await tasks.change(private.id, viewer, done=True)
            with pytest.raises(TaskNotFoundError):
                await tasks.delete(private.id, viewer)
        assert await tasks.all(ada) == [shared, private]
        assert [task async for task in tasks.each(ada)] == [shared, private]
        assert (await tasks.change(private.id, ada, done=True)).done
        assert (await tasks.delete(private.id, ada)).owner == "ada"


async def test_repository_invalid_file_raises_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "board.sqlite3").write_text("a letter, by mistake" * 100)

    with pytest.raises(
        ConfigurationError, match=r"board\.sqlite3: file is not a database; repair"
    ):
        await board_of(tmp_path).boot()


async def test_repository_invalid_folder_raises_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "var").touch()

    with pytest.raises(ConfigurationError, match="the tasks cannot be stored in"):
        await board_of(tmp_path / "var").boot()

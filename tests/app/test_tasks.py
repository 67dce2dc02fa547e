"""Storage of the tasks: stored tasks are kept, and an unusable file is reported at boot."""

from pathlib import Path

import pytest

from app import create_application
from app.tasks import TaskNotFoundError, TaskRepository
from rxkernel import ConfigurationError, KernelClient


async def test_tasks_survive_restart_of_application(tmp_path: Path) -> None:
    database = tmp_path / "new" / "folder" / "tasks.sqlite3"
    async with KernelClient(create_application(database)) as client:
        await client.http("task_create", body={"title": "still here"})
        before = (await client.http("task_list")).content

    async with KernelClient(create_application(database)) as client:
        assert (await client.http("task_list")).content == before
    assert [task.title for task in before] == ["still here"]


async def test_application_boots_again_after_stop(tmp_path: Path) -> None:
    client = KernelClient(create_application(tmp_path / "tasks.sqlite3"))

    for count in range(2):
        async with client:
            assert len((await client.http("task_list")).content) == count
            await client.http("task_create", body={"title": "one more"})


async def test_each_yields_all_pages(tmp_path: Path) -> None:
    async with TaskRepository(tmp_path / "tasks.sqlite3") as tasks:
        for number in range(1001):
            await tasks.add(f"task {number}")

        seen = []
        async for task in tasks.each():
            seen.append(task)
            if task.id % 2:
                await tasks.delete(task.id)

        assert [task.title for task in seen] == [f"task {number}" for number in range(1001)]
        assert len(await tasks.all()) == 500


async def test_repository_unknown_id_raises_task_not_found(tmp_path: Path) -> None:
    async with TaskRepository(tmp_path / "tasks.sqlite3") as tasks:
        with pytest.raises(TaskNotFoundError, match="there is no task 7"):
            await tasks.get(7)


async def test_repository_invalid_file_raises_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "tasks.sqlite3").write_text("a letter, by mistake" * 100)

    with pytest.raises(
        ConfigurationError, match=r"tasks\.sqlite3: file is not a database; repair"
    ):
        await create_application(tmp_path / "tasks.sqlite3").boot()


async def test_repository_invalid_folder_raises_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "var").touch()

    with pytest.raises(ConfigurationError, match="the tasks cannot be stored in"):
        await create_application(tmp_path / "var" / "tasks.sqlite3").boot()

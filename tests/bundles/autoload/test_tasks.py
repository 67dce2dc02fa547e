"""The place ``tasks``: functions that run by a schedule."""

from typing import Any

import pytest

from bundles.autoload import LiveReload, domain
from bundles.tasks import Scheduler, TasksBundle, TasksSettings
from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder

REPORTS = """
cleaned = []


def clean(older_than: int = 0) -> int:
    cleaned.append(older_than)
    return older_than


async def send(to: str) -> str:
    cleaned.append(to)
    return to
"""


async def boot(folder: Folder, files: dict[str, str], bundles: Any = (TasksBundle,)) -> None:
    sections = {"tasks": TasksSettings(store="memory")} if bundles else {}
    await folder.boot({"domain/reports.py": REPORTS, **files}, bundles=bundles, sections=sections)


def scheduler_of(folder: Folder) -> Scheduler:
    found: Scheduler = folder.application.injector.get(Scheduler)
    return found


async def entries_of(folder: Folder) -> dict[str, str]:
    return {entry.id: str(entry.plan) for entry in await scheduler_of(folder).entries()}


async def problem_of(folder: Folder, text: str, bundles: Any = (TasksBundle,)) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await boot(folder, {"tasks/clean.py": text}, bundles)
    return "\n".join(caught.value.problems).replace(f"{folder.root}/", "")


async def test_task_file_is_an_entry_of_the_bundle_with_its_times(folder: Folder) -> None:
    """In the notation of Impress, and in the other two notations of the bundle."""
    files = {
        "tasks/clean.py": (
            "every = '1d 12h'\nrun = 'domain.reports.clean'\nargs = {'older_than': 7}"
        ),
        "tasks/daily/send.py": (
            "cron = '0 3 * * *'\ntimezone = 'Europe/Rome'\nrun = 'domain.reports.send'\n"
            "args = {'to': 'ada'}"
        ),
    }
    await boot(folder, files)
    assert await entries_of(folder) == {
        "clean": "every 1d 12h",
        "daily/send": "cron 0 3 * * * Europe/Rome",
    }

    clean = await scheduler_of(folder).run("clean")
    send = await scheduler_of(folder).run("daily/send")

    assert (clean.result, clean.error) == (7, None)
    assert (send.result, send.error) == ("ada", None)
    assert domain.reports.cleaned == [7, "ada"]


async def test_task_file_and_unit_called_tasks_are_both_published(folder: Folder) -> None:
    endpoint = "access = 'public'\nasync def method(): return 'endpoint'"
    task = "every = '1h'\nasync def method(): return 'task'"

    await boot(folder, {"api/tasks/clean.py": endpoint, "tasks/clean.py": task})

    response = await KernelClient(folder.application).http("tasks/clean")
    assert response.content == "endpoint"
    assert (await scheduler_of(folder).run("clean")).result == "task"


async def test_task_file_with_method_reads_views_and_services(folder: Folder) -> None:
    text = """
        from typing import Annotated

        from bundles.autoload import LiveReload, domain
        from bundles.tasks import Scheduler
        from rxkernel import Inject

        every = "1h"


        async def method(scheduler: Annotated[Scheduler, Inject()]) -> str:
            domain.reports.cleaned.append("method")
            return type(scheduler).__name__
    """
    await boot(folder, {"tasks/clean.py": text})

    record = await scheduler_of(folder).run("clean")

    assert (record.result, record.error) == ("Scheduler", None)
    assert domain.reports.cleaned == ["method"]


async def test_task_file_is_its_function_with_the_name_of_the_file(folder: Folder) -> None:
    files = {
        "tasks/sweep.py": "every = '1d'\nasync def sweep() -> int: return 7",
        "tasks/run.py": "every = '1d'\nrun = 'domain.reports.clean'",
    }
    await boot(folder, files)

    assert (await scheduler_of(folder).run("sweep")).result == 7
    assert (await scheduler_of(folder).run("run")).result == 0


async def test_task_file_that_runs_a_function_file_returns_its_result(folder: Folder) -> None:
    files = {
        "lib/tools/add.py": "def add(a, b): return a + b",
        "tasks/sum.py": "at = '2099-01-01'\nrun = 'lib.tools.add'\nargs = {'a': 1, 'b': 2}",
    }
    await boot(folder, files)

    assert (await scheduler_of(folder).run("sum")).result == 3


async def test_task_file_is_loaded_again_with_the_function_that_it_runs(folder: Folder) -> None:
    await boot(folder, {"tasks/clean.py": "every = '1d'\nrun = 'domain.reports.clean'"})

    executed = await folder.change({"domain/reports.py": REPORTS + "\n# changed\n"})

    assert "tasks/clean.py" in executed


async def test_task_files_are_added_changed_and_removed_by_a_reload(folder: Folder) -> None:
    text = "every = '1d'\nrun = 'domain.reports.clean'\nargs = {'older_than': 1}"
    await boot(folder, {"tasks/clean.py": text, "tasks/gone.py": text})
    reload = folder.application.injector.get(LiveReload).reload

    folder.write(
        {"tasks/clean.py": text.replace("1d", "2h").replace("1}", "2}"), "tasks/new.py": text}
    )
    folder.remove("tasks/gone.py")
    assert await reload()

    assert await entries_of(folder) == {"clean": "every 2h", "new": "every 1d"}
    assert (await scheduler_of(folder).run("clean")).result == 2

    folder.write({"tasks/clean.py": "every = 'never'\nrun = 'domain.reports.clean'"})
    assert not await reload()
    assert await entries_of(folder) == {"clean": "every 2h", "new": "every 1d"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("run = 'domain.reports.clean'", "has no time; write one of every = '30m', cron = "),
        ("every = '1d'\nat = '2099-01-01'\nrun = 'domain.reports.clean'", "has every and at; "),
        ("every = '1d'", "has nothing to run; write run = 'lib.reports.clean', or async def"),
        ("every = '1d'\nrun = 'domain.reports.clean'\ndef method(): ...", "has run and method; "),
        ("every = '1d'\nrun = 'domain.reports.lost'", "run is 'domain.reports.lost', which does"),
        ("every = '1d'\nrun = 'nothing.clean'", "run is 'nothing.clean', which does not exist"),
        ("every = '1d'\nrun = 7", "run is 7; write the name of a function"),
        (
            "every = '1d'\nrun = 'domain.reports'",
            "run is 'domain.reports', which is of the type module",
        ),
        ("every = '1d'\nrun = 'domain.reports.send'", "send needs to; write args = {'to"),
        (
            "every = '1d'\nrun = 'domain.reports.clean'\nargs = {'days': 1}",
            "args has days, which clean does not take",
        ),
        ("every = '1d'\nrun = 'domain.reports.clean'\nargs = [1]", "args must be a mapping"),
        ("evry = '1d'\nrun = 'domain.reports.clean'", "'evry' is not a field; the fields are ev"),
        ("every = 'soon'\nrun = 'domain.reports.clean'", "tasks/clean.py: "),
        ("every = '1d'\nmisfire = 'no'\nrun = 'domain.reports.clean'", "misfire is 'no'; it must"),
    ],
)
async def test_task_file_invalid_is_an_error_at_boot(
    folder: Folder, text: str, problem: str
) -> None:
    found = await problem_of(folder, text)

    assert found.startswith("tasks/clean.py")
    assert problem in found


async def test_task_file_without_the_bundle_is_an_error(folder: Folder) -> None:
    found = await problem_of(folder, "every = '1d'\nrun = 'domain.reports.clean'", bundles=())

    assert found.startswith("tasks/clean.py: the bundle tasks, which runs it, is not enab")

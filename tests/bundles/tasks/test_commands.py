"""``rxkernel tasks``."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from bundles.tasks import TASKS, Scheduler, TasksBundle, every
from rxkernel import Application, procedure
from rxkernel.cli import main
from tests.ports import reserved_port
from tests.project_folder import enter_project
from tests.required_tools import ROOT

BERLIN = ZoneInfo("Europe/Berlin")


class Jobs:
    @every("1d", name="report")
    async def report(self) -> dict[str, int]:
        return {"rows": 7}

    @procedure("import", TASKS)
    async def load(self, count: int) -> int:
        return count


APP = """\
from bundles.tasks import TasksBundle
from rxkernel import Application
from tests.bundles.tasks.test_commands import Jobs

application = Application(bundles=[TasksBundle], controllers=[Jobs])
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    enter_project(tmp_path, monkeypatch)
    (tmp_path / "site_with_tasks.py").write_text(APP)
    yield tmp_path
    sys.modules.pop("site_with_tasks", None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["--app", "site_with_tasks", "tasks", *arguments])


def added() -> str:
    """Add a task to the store of the project, and return its id."""

    async def add() -> str | None:
        async with Application(bundles=[TasksBundle], controllers=[Jobs]) as application:
            scheduler = application.injector.get(Scheduler)
            return await scheduler.add("import", cron="0 3 * * *", timezone="Europe/Berlin")

    found = asyncio.run(add())
    assert found is not None
    return found


def test_list_shows_tasks_with_their_times_and_records() -> None:
    id = added()
    assert run("run", "report").exit_code == 0
    assert run("run", id).exit_code == 1

    lines = run("list").output.splitlines()
    listed = {entry["id"]: entry for entry in json.loads(run("list", "--json").output)}

    assert lines[0].split()[:4] == ["ID", "TASK", "TIMES", "DUE"]
    assert any(line.startswith(f"{id}  import  cron 0 3 * * * Europe/Berlin") for line in lines)
    assert (listed["report"]["runs"], listed["report"]["result"]) == (1, {"rows": 7})
    assert listed[id]["error"].startswith("422 validation failed")


def test_listed_times_have_the_offset_of_the_time_zone_of_the_task() -> None:
    id = added()
    record = json.loads(run("run", id).output)

    output = run("list").output
    listed = {entry["id"]: entry for entry in json.loads(run("list", "--json").output)}

    due = datetime.fromisoformat(listed[id]["due"])
    assert (due.hour, due.utcoffset()) == (3, due.replace(tzinfo=BERLIN).utcoffset())
    assert listed["report"]["due"].endswith("+00:00")
    assert listed[id]["due"] in output
    assert record["last_end"] == listed[id]["last_end"]
    assert datetime.fromisoformat(record["last_end"]).utcoffset() is not None


def test_list_without_tasks_prints_a_note(project: Path) -> None:
    (project / "site_with_tasks.py").write_text(
        "from rxkernel import Application\n\napplication = Application(bundles=['tasks'])\n"
    )
    assert run("list").output == "No tasks.\n"


def test_run_prints_the_record() -> None:
    result = run("run", "report")

    assert result.exit_code == 0
    record = json.loads(result.output)
    assert (record["result"], record["error"], record["runs"]) == ({"rows": 7}, None, 1)


def test_run_writes_the_log_as_serve_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-m", "rxkernel", "--app", "site_with_tasks", "tasks", "run"]
    done = subprocess.run([*command, "import"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert re.match(
        r"[-\d]+ [:\d]+,\d+ ERROR   bundles.tasks.task_runner: task import failed: 422 ",
        done.stderr,
    )
    assert json.loads(done.stdout)["error"].startswith("422 ")


def test_remove_removes_an_added_task() -> None:
    id = added()

    assert run("remove", id).output == f"Removed the task {id}.\n"

    assert [entry["id"] for entry in json.loads(run("list", "--json").output)] == ["report"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "unknown"), "unknown task 'unknown'"),
        (("remove", "unknown"), "unknown task 'unknown'"),
        (("remove", "report"), "the task 'report' is made by a decorator"),
    ],
)
def test_command_with_an_unknown_or_decorated_task_is_an_error(
    arguments: tuple[str, ...], message: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("arguments", [("list",), ("run", "report"), ("remove", "x")], ids=str)
def test_command_without_redis_prints_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (project / "site_with_tasks.py").write_text(APP.replace("[TasksBundle]", '["redis", "tasks"]'))
    monkeypatch.setenv("RXKERNEL_TASKS_STORE", "redis")
    with reserved_port() as port:
        monkeypatch.setenv("RXKERNEL_REDIS_URL", f"redis://127.0.0.1:{port}")

        result = run(*arguments)

    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    error = result.stderr.splitlines()[-1]
    assert error.startswith(f"Error: tasks unavailable: Error 111 connecting to 127.0.0.1:{port}")

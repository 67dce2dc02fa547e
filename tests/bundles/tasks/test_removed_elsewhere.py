"""A task that another process of the same file removes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bundles.tasks import TASKS
from rxkernel import procedure
from tests.bundles.tasks.manual_clock import ManualClock
from tests.bundles.tasks.site import Site, running_site
from tests.waiting import until


class Jobs:
    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = 0

    @procedure("wait", TASKS)
    async def wait(self) -> None:
        self.begun += 1
        await self.gate.wait()


@asynccontextmanager
async def two_processes(jobs: Jobs, file: Path) -> AsyncIterator[tuple[Site, Site]]:
    """Two processes; the first one runs the tasks."""
    clock = ManualClock()
    async with (
        running_site(jobs, clock=clock, file=file) as runner,
        running_site(Jobs, clock=clock, file=file) as other,
    ):
        yield runner, other


async def test_task_removed_during_its_run_is_not_stored_again(tmp_path: Path) -> None:
    jobs = Jobs()
    async with two_processes(jobs, tmp_path / "tasks.sqlite3") as (runner, other):
        id = await runner.add("wait", every="10s")
        await runner.advance(10)
        await until(lambda: jobs.begun)

        assert await other.scheduler.remove(id)
        jobs.gate.set()
        await runner.stop()

        assert await other.scheduler.entries() == []


async def test_task_removed_before_its_time_does_not_run(tmp_path: Path) -> None:
    """The runner has not yet noticed the change of the file, which it reads every 30 seconds."""
    jobs = Jobs()
    jobs.gate.set()
    async with two_processes(jobs, tmp_path / "tasks.sqlite3") as (runner, other):
        id = await runner.add("wait", every="10s")
        assert await other.scheduler.remove(id)

        await runner.advance(10)
        await runner.stop()

        assert jobs.begun == 0
        assert await other.scheduler.entries() == []


async def test_process_that_waits_for_the_runner_logs_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """This reveals a second application that shares the file by mistake."""
    caplog.set_level("INFO", "bundles.tasks")
    async with two_processes(Jobs(), tmp_path / "tasks.sqlite3") as (_, other):
        await other.advance(60)
    found = [
        text for text in caplog.messages if text.startswith("another process is running the tasks")
    ]
    assert len(found) == 1
    assert "tasks.sqlite3" in found[0]

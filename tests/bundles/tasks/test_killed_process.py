"""Tasks and schedules after `kill -9`."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bundles.tasks import TASKS, Scheduler
from bundles.tasks.scheduler.planner import Planner
from rxkernel import procedure
from tests.bundles.redis_servers import RedisServer
from tests.bundles.tasks.process import Jobs, application_of
from tests.bundles.tasks.site import running_site
from tests.required_tools import ROOT
from tests.serving import serving
from tests.waiting import until


@asynccontextmanager
async def running(file: Path | str, what: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bundles.tasks.process", str(file), what),
        cwd=ROOT,
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def read_until(process: Process, line: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while (read := await process.stdout.readline()).decode().strip() != line:
            assert read, f"the process ended before it wrote {line!r}"


async def test_added_task_survives_kill_and_runs_in_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / "tasks.sqlite3"
    async with running(file, "add") as process:
        await read_until(process, "tick")

    async with running(file, "run") as process:
        await read_until(process, "tick")

    async with running_site(Jobs, file=file, is_started=False) as site:
        (entry,) = await site.scheduler.entries()
        assert (entry.name, entry.plan.given) == ("ticks", "0.1s")
        assert entry.record.runs >= 1


async def test_run_that_kill_interrupted_is_recorded_and_not_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "tasks.sqlite3"
    async with running(file, "hang") as process:
        await read_until(process, "hangs")

    async with running_site(Jobs, file=file) as site:
        (entry,) = await site.scheduler.entries()
        record = entry.record
        assert (record.runs, record.failures, record.is_running) == (1, 1, False)
        assert record.error == "the process ended during the run"
        assert f"the process ended during the run of the task {entry.id}" in caplog.text


class Counted:
    """Records the runs of this process."""

    def __init__(self) -> None:
        self.ran = 0

    @procedure("tick", TASKS)
    async def tick(self) -> None:
        self.ran += 1

    @procedure("hang", TASKS)
    async def hang(self) -> None:
        self.ran += 1


async def test_tasks_in_redis_of_killed_process_run_in_another_one(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Counted()
    async with running(redis.url, "add-hang") as process:
        await read_until(process, "hangs")
        async with serving(application_of(redis.url, jobs)) as application:
            assert not application.injector.get(Planner).is_runner
            process.kill()

            await until(lambda: jobs.ran >= 2)
            (entry,) = await application.injector.get(Scheduler).entries()
    assert entry.record.failures == 1  # its run is not repeated
    assert f"the process ended during the run of the task {entry.id}" in caplog.text


async def test_process_that_was_stopped_runs_no_tasks_when_it_wakes_up(
    redis: RedisServer,
) -> None:
    jobs = Counted()
    async with running(redis.url, "add-slow") as process:
        assert process.stdout is not None
        await read_until(process, "tick")
        process.send_signal(signal.SIGSTOP)
        async with serving(application_of(redis.url, jobs)):
            await until(lambda: jobs.ran >= 1)
            with suppress(TimeoutError):  # what it wrote before it stopped
                async with asyncio.timeout(0.01):
                    await process.stdout.read(1000)
            process.send_signal(signal.SIGCONT)
            ran = jobs.ran
            await until(lambda: jobs.ran >= ran + 2)
            process.kill()
        assert await process.stdout.read() == b""

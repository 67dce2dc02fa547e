"""What survives `kill -9`."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bundles.tasks.process import Jobs
from tests.bundles.tasks.site import running_site
from tests.required_tools import ROOT


@asynccontextmanager
async def running(file: Path, what: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bundles.tasks.process", str(file), what),
        cwd=ROOT,
        stdout=PIPE,
    )
    try:
        yield process
    finally:
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

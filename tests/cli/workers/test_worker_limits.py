"""Workers that have reached a limit of their settings are replaced."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rxkernel.cli.serve import warn_of_unused_limits
from rxkernel.cli.workers.worker_report import WorkerLimits
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import WorkersSettings
from tests.cli.conftest import Start
from tests.cli.processes import Process, get, until

APP = """
import os
from rxkernel import Application, http

kept = []

class Pids:
    @http("GET", "/pid", "pid")
    async def pid(self, request):
        return os.getpid()

    @http("GET", "/leak", "leak")
    async def leak(self, request):
        kept.append(bytearray(os.urandom(1000)) * 300_000)
        return os.getpid()

application = Application(controllers=[Pids])
"""

MEMORY = 350_000_000
"""More than a worker has, and less than it has after ``/leak``."""

StartWorkers = Callable[[str], Process]


@pytest.fixture
def start_workers(project: Path, start: Start) -> StartWorkers:
    (project / "app.py").write_text(APP)

    def start_workers(settings: str) -> Process:
        (project / "rxkernel.toml").write_text(settings)
        process = start("serve", "--port", "0", "--workers", "2")
        process.line("^Listening on ")
        return process

    return start_workers


class Load:
    """Sends requests over new connections and a kept one. An error fails the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pids: set[int] = set()
        self.sent = 0
        self.is_over = False

    async def run(self, *, close: bool) -> None:
        connector = aiohttp.TCPConnector(force_close=close)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not self.is_over:
                async with session.get(f"{self.url}/pid") as response:
                    assert response.status == 200
                    self.pids.add(await response.json())
                    self.sent += 1

    async def run_until(self, line: asyncio.Future[object]) -> None:
        """Send until the line is written, and a second process has responded."""
        async with asyncio.TaskGroup() as group:
            for close in (True, True, False):
                group.create_task(self.run(close=close))
            await line
            while len(self.pids) < 2:  # noqa: ASYNC110 - the clients count
                await asyncio.sleep(0.01)
            self.is_over = True


async def test_worker_at_max_requests_is_replaced_without_a_failed_request(
    start_workers: StartWorkers,
) -> None:
    """The counters of ended processes stay in the total."""
    settings = 'health = true\nhealth_details = ["127.0.0.1"]\nworkers.max_requests = 400'
    process = start_workers(settings)
    load = Load(process.url())

    async with asyncio.timeout(60):
        await load.run_until(
            asyncio.get_running_loop().run_in_executor(
                None, lambda: process.line(r"worker \d has pid", number=3)
            )
        )

    process.line(
        r"replacing worker \d: it has handled \d+ requests \(workers.max_requests = 400\)"
    )
    figures = until(lambda: _with_handled(process, load.sent))
    assert figures["supervisor"]["pid"] == process.pid
    assert figures["supervisor"]["started_workers"] >= 3
    assert figures["supervisor"]["lost_connections"] == {}


def _with_handled(process: Process, number: int) -> dict[str, Any]:
    """The details of all workers; empty until they have handled *number* requests."""
    details = get(f"{process.url()}/readyz")["details"]["workers"]
    return details if details["total"]["handled"] >= number else {}


async def test_worker_at_max_memory_is_replaced_without_a_failed_request(
    start_workers: StartWorkers,
    project: Path,
) -> None:
    """Without Socket.IO, each worker has its own socket of the port; its successor inherits it."""
    process = start_workers(f"socketio.enabled = false\nworkers.max_memory = {MEMORY}")
    load = Load(process.url())
    leaking = await asyncio.to_thread(get, f"{process.url()}/leak")

    async with asyncio.timeout(60):
        await load.run_until(
            asyncio.get_running_loop().run_in_executor(
                None, lambda: process.line(r"worker \d has pid", number=3)
            )
        )

    assert process.line(r"replacing worker (\d): it has \d+ bytes")[1]
    assert until(lambda: get(f"{process.url()}/pid") != leaking)

    (project / "rxkernel.toml").write_text("prot = 1")
    leaking = await asyncio.to_thread(get, f"{process.url()}/leak")
    process.line(r"a new worker \d did not start; keeping the running one")
    assert until(lambda: get(f"{process.url()}/pid") == leaking)


def test_max_memory_below_memory_at_boot_is_an_error(start: Start, project: Path) -> None:
    (project / "app.py").write_text(APP)
    (project / "rxkernel.toml").write_text("workers.max_memory = 1000")

    process = start("serve", "--port", "0", "--workers", "2")

    assert process.code() == 2
    assert process.stdout == []
    process.line(
        r"Error: workers.max_memory is 1000, but a worker needs \d+ bytes before its first "
        r"request; "
        r"set it to \d+ or more"
    )


def test_max_memory_without_proc_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"workers\.max_memory needs /proc"):
        WorkerLimits(WorkersSettings(max_memory=1)).check(None)


def test_max_requests_of_each_worker_is_reduced_at_random() -> None:
    settings = WorkersSettings(max_requests=1000)

    limits = {
        next(n for n in range(2000) if WorkerLimits(settings).exceeded(n, None)) for _ in range(50)
    }

    assert len(limits) > 10
    assert min(limits) >= 800
    assert max(limits) <= 1000


@pytest.mark.parametrize(
    ("settings", "is_warned"),
    [
        (WorkersSettings(), False),
        (WorkersSettings(max_requests=1), True),
        (WorkersSettings(max_memory=1), True),
        (WorkersSettings(max_memory=1, ports=(8001,)), False),
    ],
    ids=["no limit", "requests", "memory", "ports"],
)
def test_limits_without_workers_log_a_warning(
    settings: WorkersSettings, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_unused_limits(settings)

    assert ("have no effect without --workers" in caplog.text) == is_warned

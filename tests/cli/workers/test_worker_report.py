"""The reports of workers, and how the supervisor merges them; in one process."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, Settings, WorkersSettings
from rxkernel.cli.workers.balancer import Balancer
from rxkernel.cli.workers.children import Child
from rxkernel.cli.workers.merged_reports import MergedReports
from rxkernel.cli.workers.supervisor_link import SupervisorLink
from rxkernel.cli.workers.worker_report import WorkerLimits, WorkerReports, details_of
from rxkernel.exceptions import ConfigurationError

SETTINGS = Settings(http=HttpSettings(port=0), health=True, health_details=("127.0.0.1",))


@asynccontextmanager
async def reporting(
    settings: Settings,
) -> AsyncIterator[tuple[Application, WorkerReports, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A worker, and the supervisor's end of its link."""
    ours, theirs = socket.socketpair()
    link = SupervisorLink(*await asyncio.open_unix_connection(sock=theirs))
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    receiving = asyncio.create_task(link.wait_closed())
    application = Application(settings=settings)
    await application.start()
    try:
        yield application, WorkerReports(application, link), reader, writer
    finally:
        await application.stop()
        writer.close()
        await receiving
        link.close()


async def readyz(application: Application) -> Any:
    port = application.servers["http"].port
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/readyz") as response,
    ):
        return (await response.json())["details"]["workers"]


async def test_details_are_sums_of_running_and_ended_workers() -> None:
    async with reporting(SETTINGS) as (application, reports, reader, writer):
        assert reports.is_needed
        process = await asyncio.create_subprocess_exec("true")
        others = [Child(process, reader, writer) for _ in range(2)]
        merged = MergedReports({"no worker": 3})
        merged.begin()
        merged.take(others[0], {**reports.report(), "pid": 7})
        ended = reports.report()
        ended["applications"][""] |= {"handled": 100, "limits": {"http": {"http.max_headers": 2}}}
        merged.take(others[1], ended)
        merged.end(others[1])
        merged.end(others[1])  # the second time changes nothing

        async def supervise() -> None:
            asked = json.loads(await reader.readline())
            assert asked["ask"] is True
            merged.take(Child(process, reader, writer), asked["report"])
            writer.write(f"{json.dumps(merged.merged())}\n".encode())

        supervising = asyncio.create_task(supervise())
        details = await readyz(application)
        await supervising
        await process.wait()

    assert details["supervisor"]["started_workers"] == 1
    assert details["supervisor"]["lost_connections"] == {"no worker": 3}
    assert details["total"]["handled"] == 100
    assert details["total"]["limits"] == {"http": {"http.max_headers": 2}, "socketio": {}}
    assert details["total"]["servers"]["http"] == {"connections": 1, "requests": 1}
    assert [worker["handled"] for worker in details["each"]] == [0, 0]
    assert details["each"][0]["pid"] == 7


async def test_details_are_null_if_the_supervisor_does_not_respond() -> None:
    async with reporting(SETTINGS) as (application, _, _, writer):
        assert await readyz(application) is None

        writer.write(b"{}\n")  # too late; it must not count as the response to the next request
        assert await readyz(application) is None


async def test_report_is_sent_every_second_and_names_a_limit_that_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rxkernel.cli.workers.worker_report.INTERVAL", 0.01)
    settings = Settings(http=HttpSettings(port=0), workers=WorkersSettings(max_requests=1))
    async with reporting(settings) as (application, reports, reader, _):
        running = asyncio.create_task(reports.run())
        assert json.loads(await reader.readline())["report"]["exceeded"] is None

        application.kernel.handled = 1
        async with asyncio.timeout(30):
            while (await reader.readline()).count(b"workers.max_requests = 1") == 0:
                pass
        running.cancel()


async def test_reports_are_not_needed_without_limits_and_details() -> None:
    async with reporting(Settings(http=HttpSettings(port=0))) as (_, reports, _, _):
        assert not reports.is_needed


def test_limit_of_memory_is_checked_at_boot_and_later() -> None:
    limits = WorkerLimits(WorkersSettings(max_memory=1000))

    with pytest.raises(ConfigurationError, match="set it to 2000 or more"):
        limits.check(1000)
    limits.check(999)
    assert limits.exceeded(10**9, 999) is None
    assert limits.exceeded(0, None) is None
    assert limits.exceeded(0, 1000) == "it has 1000 bytes of memory (workers.max_memory = 1000)"


def test_details_of_application_without_reports_are_empty() -> None:
    details = details_of(MergedReports({}).merged(), "shop")

    assert details["each"] == []
    assert details["total"]["handled"] == 0


async def test_balancer_without_serving_worker_responds_503() -> None:
    opened = socket.create_server(("127.0.0.1", 0))
    settings = Settings(workers=WorkersSettings(ports=(8001, 8002), balancer=8000))
    balancer = Balancer(settings, [opened])
    serving: set[int] = set()
    await balancer.start(serving.__contains__)
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(balancer.url) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
            serving.add(1)
            for _ in range(3):
                async with session.get(balancer.url, allow_redirects=False) as response:
                    assert response.headers["Location"] == "http://127.0.0.1:8002/"
    finally:
        await balancer.close()

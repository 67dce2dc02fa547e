"""Two processes of the machine, one of which is killed."""

import asyncio
import sys

import pytest
from socketio import AsyncClient

from bundles.scale.bus.link import Link
from rxkernel import Broadcaster
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.process import application_on
from tests.required_tools import ROOT
from tests.serving import serving
from tests.waiting import until

CHANNEL = "killed"


async def test_clients_of_killed_process_vanish_and_calls_to_it_end(
    shared_redis: RedisServer,
) -> None:
    """H1: a worker is killed with SIGKILL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bundles.scale.process", shared_redis.url, CHANNEL),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    client = AsyncClient(reconnection=False)
    received: list[object] = []
    client.on("news", received.append)
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        await asyncio.Event().wait()

    client.on("ask", ask)
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        await client.connect(url, transports=["websocket"])
        async with serving(application_on(shared_redis.url, CHANNEL)) as application:
            broadcaster = application.injector.get(Broadcaster)
            link = application.injector.get(Link)  # type: ignore[type-abstract]
            await until(lambda: link.others)

            (one,) = await broadcaster.connections()
            assert await broadcaster.emit("news", {"title": "Tea"})
            await until(lambda: received == [{"title": "Tea"}])

            call = asyncio.create_task(broadcaster.call(one.id, "ask", timeout=600))
            await asked.wait()
            process.kill()
            with pytest.raises(TimeoutError):
                await call

            assert await broadcaster.connections() == []
            assert await broadcaster.emit("news")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await client.disconnect()

"""Two processes of the machine, one of which is stopped or killed."""

import asyncio

import aiohttp
import pytest
from socketio import AsyncClient

from bundles.scale.bus.link import Link
from bundles.security import Security
from rxkernel import Application, Broadcaster
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Process
from tests.bundles.security.logins import Accounts
from tests.waiting import until


def link_of(application: Application) -> Link:
    return application.injector.get(Link)  # type: ignore[type-abstract]


# H12
async def test_process_receives_again_after_redis_has_closed_its_full_buffer(
    process: Process, application: Application, shared_redis: RedisServer
) -> None:
    """The process does not read for a while. Redis limits the buffer for it."""
    broadcaster, link = application.injector.get(Broadcaster), link_of(application)
    shared_redis.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
    client = AsyncClient(reconnection=False)
    received: list[object] = []
    client.on("news", received.append)
    await client.connect(process.url, transports=["websocket"])

    with process.stopped():
        for number in range(200):
            await broadcaster.emit("flood", number, "x" * 100_000)
            await asyncio.sleep(0)
        await until(lambda: not link.others)
    await until(lambda: link.others)

    # It can send before it has subscribed again. Messages of that time are lost.
    async with asyncio.timeout(20):
        while not received:
            assert await broadcaster.emit("news", 1)
            await asyncio.sleep(0.01)
    await client.disconnect()


# H1
async def test_clients_of_killed_process_vanish_and_calls_to_it_end(
    process: Process, application: Application
) -> None:
    """A worker is killed with SIGKILL."""
    broadcaster = application.injector.get(Broadcaster)
    client = AsyncClient(reconnection=False)
    received: list[object] = []
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        await asyncio.Event().wait()

    client.on("news", received.append)
    client.on("ask", ask)
    await client.connect(process.url, transports=["websocket"])
    (one,) = await broadcaster.connections()
    assert await broadcaster.emit("news", {"title": "Tea"})
    await until(lambda: received == [{"title": "Tea"}])

    call = asyncio.create_task(broadcaster.call(one.id, "ask", timeout=600))
    await asked.wait()
    process.popen.kill()
    with pytest.raises(TimeoutError):
        await call

    assert await broadcaster.connections() == []
    assert await broadcaster.emit("news")
    await client.disconnect()


# E5
async def test_token_that_another_process_has_verified_is_refused_when_it_is_revoked(
    process: Process, application: Application
) -> None:
    """The bus informs the process in less than a second; without load in a millisecond."""
    security = application.injector.get(Security)
    pair = await security.login(await Accounts().load("ada"))
    client = AsyncClient(reconnection=False)
    await client.connect(process.url, transports=["websocket"], auth={"token": pair.token})
    headers = {"Authorization": f"Bearer {pair.token}"}
    async with aiohttp.ClientSession(process.url, headers=headers) as session:
        async with session.get("/notes/mine") as response:
            assert response.status == 200
        await security.revoke(pair.token)
        await until(lambda: not client.connected)

        async with session.get("/notes/mine") as response:
            assert response.status == 401

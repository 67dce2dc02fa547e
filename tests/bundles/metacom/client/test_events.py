"""Events of the Python client."""

import asyncio
from typing import Any

import pytest

from bundles.metacom.client import Metacom
from bundles.metacom.client.events import MAX_WAITING
from tests.bundles.metacom.client.conftest import Peer, Scripted
from tests.bundles.metacom.client.units import Chat
from tests.bundles.metacom.conftest import SiteOf
from tests.waiting import until


async def test_room_event_reaches_handler_of_unit(site_of: SiteOf) -> None:
    site = await site_of(Chat)
    async with Metacom(site.websocket_url) as reader, Metacom(site.websocket_url) as writer:
        for client in (reader, writer):
            await client.load("chat.2")
        messages: asyncio.Queue[Any] = asyncio.Queue()
        reader["chat.2"].on("message", messages.put)
        await reader["chat.2"].subscribe()
        await writer["chat.2"].send(text="hello")

        assert await messages.get() == {"text": "hello"}


async def test_function_and_coroutine_function_get_events_in_order(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        call = await peer.receive()
        for number in range(5):
            await peer.event("a/number", number)
        await peer.respond(call)
        await peer.wait()

    plain: list[int] = []
    slow: list[int] = []

    async def handle(number: int) -> None:
        for _ in range(5 - number):
            await asyncio.sleep(0)
        slow.append(number)

    async with Metacom(await scripted(script)) as client:
        client.on("a/number", plain.append)
        client.on("a/number", handle)
        await client.call("a/start")
        await until(lambda: len(slow) == 5)

    assert plain == slow == [0, 1, 2, 3, 4]


async def test_error_of_a_handler_is_logged_and_other_handlers_run(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        call = await peer.receive()
        for number in range(3):
            await peer.event("a/number", number)
        await peer.respond(call, "done")
        await peer.wait()

    got: list[int] = []

    def fail(number: int) -> None:
        got.append(-number)
        raise RuntimeError("the handler")

    async with Metacom(await scripted(script)) as client:
        client.on("a/number", fail)
        client.on("a/number", got.append)

        assert await client.call("a/start") == "done"
        await until(lambda: len(got) == 6)

    assert sorted(got) == [-2, -1, 0, 0, 1, 2]
    assert [record.message for record in caplog.records] == ["a handler of 'a/number' failed"] * 3


async def test_handler_that_was_removed_gets_no_event(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        async for call in peer.calls():
            await peer.event("a/number", call["id"])
            await peer.respond(call)

    got: list[int] = []
    others: list[int] = []
    client = Metacom(await scripted(script))
    async with client:
        client.on("a/number", got.append)
        client.on("a/number", others.append)
        client.off("a/number", got.append)
        client.off("a/nothing", got.append)
        await client.call("a/b")
        await until(lambda: others)

    assert got == []


async def test_slow_handler_loses_oldest_events(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        call = await peer.receive()
        for number in range(MAX_WAITING + 11):
            await peer.event("a/number", number)
        await peer.respond(call)
        await peer.wait()

    go_on = asyncio.Event()
    got: list[int] = []

    async def handle(number: int) -> None:
        got.append(number)
        await go_on.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        client.on("a/number", handle)
        await client.call("a/start")
        go_on.set()
        await until(lambda: len(got) == MAX_WAITING + 1)

    assert got == [0, *range(11, MAX_WAITING + 11)]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_handler_that_calls_a_method_and_closes_the_client_ends(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        await peer.event("a/start", None)
        await peer.echo()

    closed = asyncio.Event()
    url = await scripted(script)
    client = Metacom(url)
    results: list[Any] = []

    async def handle(_: Any) -> None:
        results.append(await client.call("a/b"))
        await client.close()
        closed.set()

    client.on("a/start", handle)
    await client.open()
    async with asyncio.timeout(20):
        await closed.wait()
    assert results == ["a/b"]

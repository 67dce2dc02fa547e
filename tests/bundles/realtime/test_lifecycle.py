"""Sending, watchers, stop and load: checks 35 to 37 and 40 of IOServer."""

import asyncio
import gc
import tracemalloc
from typing import Any

import aiohttp
import pytest

from bundles.realtime import AppHandle, Data, IOServer, RealtimeBundle, Service, Watcher, event
from rxkernel import (
    Application,
    KernelClient,
    ServerEvent,
    ServerEvents,
    Settings,
    SocketioSettings,
    observe,
)
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until


class Echo(Service, namespace="/chat"):
    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()

    @event
    async def echo(self, data: Data = None) -> Any:
        return data

    @event
    async def slow(self) -> str:
        self.begun.set()
        await self.gate.wait()
        return "done"


class Other(Service, namespace="/room/{name}"):
    @event
    async def echo(self, data: Data = None) -> Any:
        return data


def application() -> Application:
    return Application(
        bundles=[RealtimeBundle(services=[Echo, Other])],
        settings=Settings(socketio=SocketioSettings(namespaces=("/listed",))),
    )


# check 35
async def test_send_reaches_the_namespace_the_room_or_the_connection() -> None:
    app = application()
    async with (
        KernelClient(app) as tests,
        tests.connection("/chat") as ada,
        tests.connection("/chat") as bob,
        tests.connection("/room/tea") as eve,
        tests.connection("/") as root,
    ):
        send = app.injector.get(AppHandle).send
        await ada.join("tea")
        assert await send("all", {"n": 1}, namespace="chat")
        assert await send("room", namespace="/chat", room="tea")
        assert await send("rooms", namespace="/chat", room=["tea", "milk"])
        assert await send("one", namespace="/chat", sid=bob.id)
        assert await send("both", namespace="/chat", sid=bob.id, room="tea")
        assert await send("template", namespace="/room/tea")
        assert await send("root")
        assert ada.emitted == [("all", ({"n": 1},)), ("room", (None,)), ("rooms", (None,))]
        assert bob.emitted == [("all", ({"n": 1},)), ("one", (None,)), ("both", (None,))]
        assert eve.emitted == [("template", (None,))]
        assert root.emitted == [("root", (None,))]


# check 35
async def test_send_to_an_unknown_receiver_returns_false_and_creates_nothing() -> None:
    app = application()
    async with KernelClient(app) as tests, tests.connection("/chat") as ada:
        send = app.injector.get(AppHandle).send
        assert not await send("x", namespace="ghost")
        assert not await send("x", namespace="/chat", sid="ghost")
        assert not await send("x", sid=ada.id)
        assert await send("x", namespace="/listed")
        with pytest.raises(KeyError):
            await tests.websocket("/ghost:x")
        assert ada.emitted == []


class Endless(Watcher):
    begun = stopped = False

    async def watch(self) -> None:
        type(self).begun = True
        await asyncio.Event().wait()

    async def stop(self) -> None:
        type(self).stopped = True


class Failing(Watcher):
    async def watch(self) -> None:
        raise ConnectionError("no database")

    async def stop(self) -> None:
        raise RuntimeError("cannot stop")


# check 36
async def test_watchers_run_while_the_server_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Mine(Endless):
        pass

    server = IOServer(host="127.0.0.1", port=0)
    server.add_watcher(name="broken", watcher=Failing)
    server.add_watcher(name="mine", watcher=Mine)
    async with server:
        await until(lambda: "the watcher broken failed" in caplog.text)
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{server.port}/missing"
            assert (await session.get(url)).status == 404
    assert "the watcher broken failed to stop" in caplog.text
    derived = Mine.__subclasses__()[0]
    assert derived.begun
    assert derived.stopped


# check 37
async def test_stop_ends_events_and_disconnects_clients() -> None:
    @observe(ServerEvents.STOPPING)
    async def release(event: ServerEvent) -> None:
        server.get_service("chat").gate.set()

    server = IOServer(host="127.0.0.1", port=0, listeners=[release])
    server.add_service(service=Echo)
    await server.start()
    async with client(server.application, "/chat") as socket:
        ended = asyncio.Event()
        socket.on("disconnect", lambda *_: ended.set(), namespace="/chat")
        call = asyncio.create_task(socket.call("slow", namespace="/chat"))
        await server.get_service("chat").begun.wait()
        async with asyncio.timeout(20):
            assert await server.stop()
            assert await call == "done"
            await ended.wait()


# check 40
async def test_fifty_clients_get_responses_within_bounded_memory() -> None:
    """50 clients at the same time, then 25 clients one after the other."""
    server = IOServer(host="127.0.0.1", port=0)
    server.add_service(service=Echo)

    async def visit(number: int) -> None:
        async with raw_socket(server.application, connect="40/chat,") as raw:
            await raw.send(f'42/chat,1["echo",{number}]')
            assert await raw.receive() == f"43/chat,1[{number}]"

    async with server:
        await asyncio.gather(*map(visit, range(50)))
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(25):
                await visit(number)
            gc.collect()
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        sessions = server.application.servers["socketio"].engine.eio.sockets
        await until(lambda: not sessions)
    assert grown < 20_000_000

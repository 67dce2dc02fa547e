"""`TerminateEvent.size` of an acknowledgement."""

import asyncio

from rxkernel import KernelEvents, Request, TerminateEvent, observe, websocket
from tests.servers.conftest import Serve
from tests.servers.socketio.clients import connected, over_each_transport
from tests.waiting import until


class Events:
    def __init__(self) -> None:
        self.ended: list[TerminateEvent] = []
        self.started = asyncio.Event()
        self.open = asyncio.Event()

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.ended.append(event)

    @websocket("say")
    async def say(self, request: Request) -> str:
        return "said"

    @websocket("hang")
    async def hang(self, request: Request) -> None:
        self.started.set()
        await self.open.wait()


@over_each_transport
async def test_terminate_size_is_the_size_of_the_acknowledgement_or_none(
    serve: Serve, transport: str
) -> None:
    application = await serve(Events)
    events = application.injector.get(Events)

    async with connected(application, transport) as client:
        await client.send('421["say"]')
        packet = str(await client.receive())
        await client.send('42["say"]')
        await until(lambda: len(events.ended) == 2)

    acknowledged, silent = events.ended
    assert (acknowledged.size, silent.size) == (len(packet), None)
    assert acknowledged.duration > 0
    assert silent.duration > 0


@over_each_transport
async def test_terminate_size_after_disconnect_is_none(serve: Serve, transport: str) -> None:
    application = await serve(Events)
    events = application.injector.get(Events)

    async with connected(application, transport) as client:
        await client.send('421["hang"]')
        await events.started.wait()
        await client.send("41")
        await until(lambda: not application.servers["socketio"].engine.connections)
        events.open.set()
        await until(lambda: events.ended)

    assert events.ended[0].size is None

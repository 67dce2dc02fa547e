"""A mounted application drains and stops with its host."""

import asyncio

import aiohttp
from aiohttp import web

from rxkernel import (
    ApplicationEvents,
    Settings,
    ShutdownEvent,
    observe,
)
from tests.servers.mounted.hosts import (
    PREFIX,
    Calls,
    Connect,
    Host,
    Pages,
    mount,
    over_each_transport,
)
from tests.waiting import until


class TestStopping:
    """Check 39 of the specification of moleculer-io."""

    @over_each_transport
    async def test_running_call_is_acknowledged_before_client_is_disconnected(
        self, host: Host, connect: Connect, transport: str
    ) -> None:
        application = mount(host, Calls)
        client = await connect(await host.start(), transport)
        calls = application.injector.get(Calls)
        running = asyncio.create_task(client.call("slow"))
        await calls.entered.wait()

        stopping = asyncio.create_task(host.stop())
        await until(lambda: not application.servers.is_serving)
        assert not stopping.done()
        calls.release.set()

        assert (await running)["content"] == "done"
        await stopping
        await until(lambda: not client.connected)

    async def test_call_that_does_not_end_is_closed_after_shutdown_timeout(
        self, host: Host, connect: Connect
    ) -> None:
        application = mount(host, Calls, settings=Settings(shutdown_timeout=0.1))
        client = await connect(await host.start())
        await client.emit("slow")
        await application.injector.get(Calls).entered.wait()

        async with asyncio.timeout(15):
            await host.stop()

        await until(lambda: not client.connected)

    async def test_services_are_open_until_requests_of_host_have_ended(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        entered, release = asyncio.Event(), asyncio.Event()
        order: list[str] = []

        async def slow(request: web.Request) -> web.Response:
            entered.set()
            await release.wait()
            order.append("request")
            return web.Response(text=str(application.injector is not None))

        class Closing:
            @observe(ApplicationEvents.SHUTDOWN)
            async def closing(self, event: ShutdownEvent) -> None:
                order.append("services")

        host.native.router.add_get("/slow", slow)
        application = mount(host, Calls, listeners=[Closing])
        url = await host.start()
        pending = asyncio.create_task(session.get(f"{url}/slow"))
        await entered.wait()

        stopping = asyncio.create_task(host.stop())
        await until(lambda: not application.servers.is_serving)
        release.set()

        assert await (await pending).text() == "True"
        await stopping
        assert order == ["request", "services"]

    async def test_event_stream_ends_at_shutdown(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        application = mount(host, Pages, settings=Settings(http=PREFIX))
        async with session.get(f"{await host.start()}/api/events") as response:
            await application.injector.get(Pages).is_streaming.wait()
            async with asyncio.timeout(20):
                await host.stop()
            assert b"one" in await response.read()

    async def test_application_stopped_by_hand_is_404(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        application = mount(host, Calls)
        url = await host.start()
        await application.stop()

        async with session.get(f"{url}/socket.io/") as response:
            assert response.status == 404
        async with session.get(url) as response:
            assert response.status == 200

"""The stop of the server: running requests are finished, new connections are not accepted."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from injector import Binder, ProviderOf, inject

from rxkernel import (
    EventStreamResponse,
    Request,
    Server,
    ServerConfigurationEvent,
    ServerEvents,
    ServerSentEvent,
    http,
    observe,
    request_scope,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until


class Home:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return "home"


class Events:
    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.one_and_wait())

    async def one_and_wait(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="one")
        await asyncio.Event().wait()


class Slow:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    @http("GET", "/slow", "slow")
    async def slow(self, request: Request) -> str:
        self.entered.set()
        await self.release.wait()
        return "done"


async def until_refused(server: Server) -> None:
    """Wait until the server accepts no more connections."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(server.host, server.port)
            except ConnectionError:  # until_refused, or reset when the listener closed
                return
            writer.close()
            await writer.wait_closed()


class TestStopping:
    async def test_stop_finishes_running_requests_and_accepts_no_connection(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Slow)
        slow = application.injector.get(Slow)
        url = http_url(application, "/slow")
        pending = asyncio.ensure_future(session.get(url))
        await slow.entered.wait()

        stopping = asyncio.ensure_future(application.stop())
        await until_refused(application.servers["http"])
        assert not stopping.done()
        slow.release.set()
        response = await pending

        assert await response.text() == "done"
        assert response.headers["Connection"] == "close"
        await stopping

    async def test_stop_waits_for_a_native_route(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        entered, release = asyncio.Event(), asyncio.Event()

        async def native(request: web.Request) -> web.Response:
            entered.set()
            await release.wait()
            return web.Response(text="native")

        @observe(ServerEvents.CONFIGURE)
        async def configure(event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.router.add_get("/native", native)

        application = await serve(Home, listeners=[configure])
        pending = asyncio.ensure_future(session.get(http_url(application, "/native")))
        await entered.wait()
        stopping = asyncio.ensure_future(application.stop())
        await until_refused(application.servers["http"])
        release.set()

        assert await (await pending).text() == "native"
        assert await stopping is True

    async def test_stop_closes_the_services_of_a_cancelled_request(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        closed = asyncio.Event()

        class Session:
            async def aclose(self) -> None:
                closed.set()

        class Waiting:
            @inject
            def __init__(self, session: ProviderOf[Session]) -> None:
                self.session = session
                self.entered = asyncio.Event()

            @http("GET", "/", "waiting")
            async def waiting(self, request: Request) -> None:
                self.session.get()
                self.entered.set()
                await asyncio.Event().wait()

        def configure(binder: Binder) -> None:
            binder.bind(Session, scope=request_scope)

        application = await serve(Waiting, modules=[configure], shutdown_timeout=0.1)
        pending = asyncio.ensure_future(session.get(http_url(application)))
        await application.injector.get(Waiting).entered.wait()

        assert await application.stop() is False
        with pytest.raises(aiohttp.ClientError):
            await pending
        assert closed.is_set()

    async def test_stop_cancels_a_request_at_the_shutdown_timeout(
        self, serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Slow, shutdown_timeout=0.1)
        slow = application.injector.get(Slow)
        pending = asyncio.ensure_future(session.get(http_url(application, "/slow")))
        await slow.entered.wait()

        await application.stop()

        with pytest.raises(aiohttp.ClientError):
            await pending
        assert "not drained within 0.1 s" in caplog.text

    async def test_stop_ends_event_streams(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Events, shutdown_timeout=60.0)
        async with session.get(http_url(application, "/events")) as response:
            await response.content.readuntil(b"\n\n")
            async with asyncio.timeout(30):
                await application.stop()
            await response.read()

    async def test_stop_under_load_loses_no_response(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        """The last response of every connection has ``Connection: close``."""
        application = await serve(Home)
        url = http_url(application)
        answered = 0

        async def load() -> None:
            nonlocal answered
            while True:
                try:
                    async with session.get(url) as response:
                        assert await response.text() == "home"
                        answered += 1
                except aiohttp.ClientConnectorError:
                    return

        clients = [asyncio.ensure_future(load()) for _ in range(10)]
        await until(lambda: answered >= 50)
        await application.stop()

        await asyncio.gather(*clients)

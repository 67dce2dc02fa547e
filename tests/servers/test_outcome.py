"""The outcome of messages whose response cannot be sent completely, over real connections."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import aiohttp
import pytest

from rxkernel import (
    EventStreamResponse,
    Inject,
    KernelEvents,
    ServerSentEvent,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import raw_http
from tests.servers.socketio_clients import client
from tests.servers.test_context_managers import Journal, Session
from tests.waiting import until


class Ended:
    def __init__(self) -> None:
        self.events: list[TerminateEvent] = []

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.events.append(event)


class Rows:
    @http("GET", "/mislabeled", "mislabeled")
    async def mislabeled(self, session: Annotated[Session, Inject()]) -> StreamResponse:
        return StreamResponse(self._pieces(), headers={"Content-Length": "many"})

    @websocket("rows")
    async def rows(self, session: Annotated[Session, Inject()]) -> StreamResponse:
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"row"


class Late:
    """Begins a stream once ``gate`` is open."""

    gate: asyncio.Event

    @http("GET", "/late", "late")
    async def late(self, session: Annotated[Session, Inject()]) -> StreamResponse:
        await self.gate.wait()
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"row"

    @http("GET", "/news", "news")
    async def news(self, session: Annotated[Session, Inject()]) -> EventStreamResponse:
        await self.gate.wait()
        return EventStreamResponse(self._events())

    async def _events(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="news")


async def test_stream_with_an_invalid_length_is_rolled_back(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    journal = Journal()
    application = await serve(Rows, modules=[journal.configure])

    for _ in range(
        2
    ):  # the fast path hands the first stream over and leaves the second to aiohttp
        journal.lines.clear()
        async with session.get(http_url(application, "/mislabeled")) as response:
            assert response.status == 500
        assert journal.lines == ["begin", "rollback for ValueError"]


async def test_stream_over_a_socket_is_rolled_back(serve: Serve) -> None:
    journal = Journal()
    application = await serve(Rows, modules=[journal.configure])

    async with client(application) as connected:
        assert (await connected.call("rows", {}))["statusCode"] == 500
        assert journal.lines == ["begin", "rollback for StreamNotSupportedException"]


async def test_stream_of_an_event_without_acknowledgement_is_rolled_back_and_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can be sent, so without this the source would never be read or closed."""
    journal = Journal()
    application = await serve(Rows, modules=[journal.configure])

    async with client(application) as connected:
        await connected.emit("rows", {})
        await until(lambda: len(journal.lines) == 2)

    assert journal.lines == ["begin", "rollback for StreamNotSupportedException"]
    assert "SOCKET rows failed" in caplog.text


@pytest.mark.parametrize("path", ["/late", "/news"])
async def test_stream_whose_client_disconnects_before_it_begins_is_rolled_back(
    serve: Serve, http_path: str, path: str
) -> None:
    """Listeners of kernel.terminate get the response that was not sent, without a size."""
    journal, ended = Journal(), Ended()
    application = await serve(Late, modules=[journal.configure], listeners=[ended])
    server: Any = application.servers["http"]
    for way in (
        "",
        "Expect: 100-continue\r\n",
    ):  # aiohttp handles the second stream from the start
        Late.gate = asyncio.Event()
        journal.lines.clear()
        ended.events.clear()
        async with raw_http(application) as connection:
            await connection.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n{way}\r\n".encode())
            await until(lambda: journal.lines == ["begin"])
        await until(lambda: server.connections.quota.used == 0)
        Late.gate.set()
        await until(lambda: len(journal.lines) == 2)
        assert journal.lines == ["begin", "rollback for CancelledError"]
        assert [(one.response.status_code, one.size) for one in ended.events] == [(200, None)]

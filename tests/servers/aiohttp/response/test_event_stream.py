"""Event streams: data of users, slow clients, disconnects and the stop of the server."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    EncodedEvent,
    EventStreamResponse,
    Request,
    ServerSentEvent,
    encode_event,
    http,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until


class Events:
    def __init__(self) -> None:
        self.open = 0
        self.closed = 0

    @http("POST", "/event/{field}", "event")
    async def event(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.of_user({request.params["field"]: request.body}))

    async def of_user(self, fields: dict[str, Any]) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="first")
        yield ServerSentEvent(**fields)

    @http("GET", "/idle", "idle")
    async def idle(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.waiting())

    async def waiting(self) -> AsyncIterator[ServerSentEvent]:
        try:
            self.open += 1
            yield ServerSentEvent(data="open")
            await asyncio.Event().wait()
        finally:
            self.closed += 1

    @http("GET", "/flood", "flood")
    async def flood(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.endless())

    async def endless(self) -> AsyncIterator[ServerSentEvent]:
        try:
            while True:
                self.open += 1
                yield ServerSentEvent(data="x" * 100_000)
        finally:
            self.closed += 1


EVIL = "x\n\nevent: evil\ndata: forged"


@pytest.mark.parametrize(
    "line_end",
    [
        pytest.param("\n", id="data-LF"),
        pytest.param("\r", id="data-CR"),
        pytest.param("\r\n", id="data-CRLF"),
    ],
)
async def test_event_data_with_line_breaks_stays_one_event(
    serve: Serve, session: aiohttp.ClientSession, line_end: str
) -> None:
    application = await serve(Events)
    sent = EVIL.replace("\n", line_end)

    async with session.post(http_url(application, "/event/data"), data=sent) as response:
        assert (await response.read()).split(b"\n\n")[1:] == [
            b"data: x\ndata: \ndata: event: evil\ndata: data: forged",
            b"",
        ]


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        pytest.param("id", EVIL, id="id-LF"),
        pytest.param("id", "1\revent: evil", id="id-CR"),
        pytest.param("id", "1\0", id="id-NUL"),
        pytest.param("event", EVIL, id="event-LF"),
    ],
)
async def test_event_field_with_a_line_break_aborts_the_stream(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    field: str,
    sent: str,
) -> None:
    application = await serve(Events)

    async with session.post(http_url(application, f"/event/{field}"), data=sent) as response:
        assert await response.content.readuntil(b"\n\n") == b"data: first\n\n"
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert f"{field} of a server-sent event is" in caplog.text


async def test_event_stream_of_a_slow_reader_reaches_the_send_timeout_alone(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="rxkernel")
    application = await serve(Events, http={"send_timeout": 0.2})
    events, server = application.injector.get(Events), application.servers["http"]
    async with session.get(http_url(application, "/idle")) as other:
        await other.content.readuntil(b"\n\n")
        _, writer = await asyncio.open_connection(server.host, server.port, limit=1024)
        writer.write(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: events.closed)
        await until(
            lambda: "send timeout" in caplog.text
        )  # the log may come after the source was closed
        writer.transport.abort()

        assert (events.closed, events.open < 1000) == (1, True)
        assert not any(record.exc_info for record in caplog.records)
    await until(lambda: events.closed == 2)


async def test_event_stream_client_disconnect_in_mid_write_closes_the_source(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Events)
    events, server = application.injector.get(Events), application.servers["http"]
    reader, writer = await asyncio.open_connection(server.host, server.port, limit=1024)
    writer.write(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readexactly(1000)
    writer.transport.abort()
    await until(lambda: events.closed)

    assert not caplog.records


@pytest.mark.parametrize("is_reset", [False, True])
async def test_event_stream_client_disconnect_with_pipelined_requests_closes_the_source(
    serve: Serve, is_reset: bool
) -> None:
    """Reading is paused, so the server does not see the end of the connection by reading."""
    application = await serve(Events, http={"send_timeout": 0.1})
    events, server = application.injector.get(Events), application.servers["http"]
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET /idle HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    await reader.readuntil(b"data: open\n\n")
    if is_reset:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.close()

    await until(lambda: events.closed == 1)
    assert events.open == 1


@pytest.mark.parametrize("number", [200, pytest.param(1000, marks=pytest.mark.soak)])
async def test_event_streams_end_at_once_when_the_server_stops(serve: Serve, number: int) -> None:
    """Plain aiohttp waits a minute for them."""
    application = await serve(Events, shutdown_timeout=60.0)
    events, server = application.injector.get(Events), application.servers["http"]

    async def listen() -> bytes:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /idle HTTP/1.1\r\nHost: x\r\n\r\n")
        received = await reader.read()
        writer.close()
        return received

    listeners = [asyncio.create_task(listen()) for _ in range(number)]
    await until(lambda: events.open == number)
    async with asyncio.timeout(30):
        assert await application.stop() is True

    for received in await asyncio.gather(*listeners):
        assert received.endswith(b"data: open\n\n\r\n0\r\n\r\n")
    assert events.closed == number


async def test_event_encoded_before_is_sent_unchanged(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    event = ServerSentEvent(id="2", event="news", data={"tea": 1})
    shared = EncodedEvent(id="2", encoded=encode_event(event))

    class News:
        @http("GET", "/news", "news")
        async def news(self) -> EventStreamResponse:
            position = EncodedEvent(id="1", encoded=b"id: 1\n\n")
            return EventStreamResponse([position, shared, event], retry=2)

    application = await serve(News)

    async with session.get(http_url(application, "/news")) as response:
        text = await response.text()

    one = 'id: 2\nevent: news\ndata: {"tea":1}\n\n'
    assert text == f"retry: 2000\n\nid: 1\n\n{one}{one}"

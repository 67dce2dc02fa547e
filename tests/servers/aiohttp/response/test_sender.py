"""Streams and event streams: their responses, errors and clean-up."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rxkernel import (
    EventStreamResponse,
    NotFoundException,
    Request,
    ServerSentEvent,
    StreamResponse,
    http,
)
from tests.servers.conftest import Serve, http_url


class Streams:
    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.fail_at = -1

    @http("GET", "/count", "count")
    async def count(self, request: Request) -> StreamResponse:
        return StreamResponse(self.numbers(), content_type="text/csv")

    async def numbers(self) -> AsyncIterator[str | bytes]:
        for number in range(3):
            if number == self.fail_at:
                raise NotFoundException("no more")
            yield f"{number}\n" if number else b"0\n"

    @http("GET", "/endless", "endless")
    async def endless(self, request: Request) -> StreamResponse:
        return StreamResponse(self.waiting())

    async def waiting(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.happenings())

    async def happenings(self) -> AsyncIterator[ServerSentEvent]:
        try:
            yield ServerSentEvent(data="one\ntwo", event="news", id="1", retry=1.5)
            yield ServerSentEvent(data={"a": 1})
            await asyncio.Event().wait()
        finally:
            self.closed.set()


async def test_stream_is_sent_in_pieces(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Streams)

    async with session.get(http_url(application, "/count")) as response:
        assert response.headers["Content-Type"] == "text/csv"
        assert await response.text() == "0\n1\n2\n"
    async with session.head(http_url(application, "/count")) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_client_disconnect_closes_the_source(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RxStack never closes the source."""
    application = await serve(Streams)
    streams = application.injector.get(Streams)

    async with session.get(http_url(application, "/endless")) as response:
        assert await response.content.readexactly(5) == b"first"
    async with asyncio.timeout(10):
        await streams.closed.wait()


async def test_source_that_fails_before_its_first_piece_is_an_error_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Streams)
    application.injector.get(Streams).fail_at = 0

    async with session.get(http_url(application, "/count")) as response:
        assert (response.status, (await response.json())["message"]) == (404, "no more")


async def test_source_that_fails_later_aborts_the_chunked_body(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Streams)
    application.injector.get(Streams).fail_at = 2

    async with session.get(http_url(application, "/count")) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    [error] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert error.getMessage() == "sending the stream of route 'count' failed: no more"
    assert error.exc_info is None  # an HttpException is logged without a traceback


class Sources:
    """Streams that end in unusual ways."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.cleaned = asyncio.Event()

    @http("GET", "/careful", "careful")
    async def careful(self, request: Request) -> StreamResponse:
        return StreamResponse(self.with_cleanup())

    async def with_cleanup(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            self.trace.append("begins")
            await asyncio.sleep(0.6)  # longer than two checks of the server
            self.trace.append("ends")
            self.cleaned.set()

    @http("GET", "/database", "database")
    async def database(self, request: Request) -> StreamResponse:
        return StreamResponse(self.refused())

    async def refused(self) -> AsyncIterator[bytes]:
        raise ConnectionRefusedError("the database is down")
        yield b""

    @http("GET", "/cancelled", "cancelled")
    async def cancelled(self, request: Request) -> StreamResponse:
        return StreamResponse(self.from_within())

    async def from_within(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise asyncio.CancelledError


async def test_source_clean_up_is_not_cancelled_twice(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Sources)
    sources = application.injector.get(Sources)

    async with session.get(http_url(application, "/careful")) as response:
        await response.content.readexactly(5)
    async with asyncio.timeout(20):
        await sources.cleaned.wait()
    assert sources.trace == ["begins", "ends"]


async def test_source_with_a_connection_error_of_its_own_is_500(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Sources)

    async with session.get(http_url(application, "/database")) as response:
        assert response.status == 500
    assert "the database is down" in caplog.text


async def test_source_that_cancels_its_task_aborts_the_stream(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Sources)

    async with session.get(http_url(application, "/cancelled")) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert "cancelled its own task" in caplog.text


async def test_event_stream_follows_the_html_standard(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Streams)

    async with session.get(http_url(application, "/events")) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        first = await response.content.readuntil(b"\n\n")
        second = await response.content.readuntil(b"\n\n")
    assert first == b"id: 1\nevent: news\nretry: 1500\ndata: one\ndata: two\n\n"
    assert second == b'data: {"a":1}\n\n'

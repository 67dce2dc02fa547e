"""Streams: pace, pieces, Content-Length and server-sent events."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    Application,
    EventStreamResponse,
    Request,
    ServerSentEvent,
    StreamResponse,
    http,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until

PIECE = b"x" * 65_536

LARGE = 8_000_000
"""More than the system buffers for a client that does not read."""


class Sources:
    """Sources that record how far they were read and whether they were closed."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = asyncio.Event()
        self.more = asyncio.Event()
        self.protocols: set[asyncio.BaseProtocol] = set()
        self.loop: asyncio.AbstractEventLoop

    @http("GET", "/fast", "fast")
    async def fast(self, request: Request) -> StreamResponse:
        return StreamResponse(self.pieces(int(request.params.get("count", 100_000))))

    async def pieces(self, count: int) -> AsyncIterator[bytes]:
        try:
            for _ in range(count):
                self.given += 1
                yield PIECE
        finally:
            self.closed.set()

    @http("GET", "/one-large", "one_large")
    async def one_large(self, request: Request) -> StreamResponse:
        return StreamResponse(self.large())

    async def large(self) -> AsyncIterator[bytes]:
        try:
            yield PIECE * 1000
        finally:
            self.closed.set()

    @http("GET", "/waiting", "waiting")
    async def waiting(self, request: Request) -> StreamResponse:
        return StreamResponse(Own(self))

    @http("GET", "/untidy", "untidy")
    async def untidy(self, request: Request) -> StreamResponse:
        return StreamResponse(self.with_a_clean_up_that_fails())

    async def with_a_clean_up_that_fails(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the clean-up failed")

    @http("GET", "/of/{kind}", "of")
    async def of(self, request: Request) -> StreamResponse:
        self.protocols.add(request.native.transport.get_protocol())
        return StreamResponse(self.one(KINDS[request.params["kind"]]))

    async def one(self, *pieces: Any) -> AsyncIterator[Any]:
        try:
            for piece in pieces:
                yield piece
        finally:
            self.closed.set()

    @http("GET", "/second/{kind}", "second")
    async def second(self, request: Request) -> StreamResponse:
        return StreamResponse(self.one(b"first", KINDS[request.params["kind"]]))

    @http("GET", "/long/{length}", "long")
    async def long(self, request: Request) -> StreamResponse:
        headers = {"Content-Length": request.param("length", str)}
        return StreamResponse(self.one("é", b"12", b"34"), headers=headers)

    @http("GET", "/status/{status:int}", "status")
    async def status(self, request: Request) -> StreamResponse:
        return StreamResponse(Unread(self), request.param("status", int))

    @http("GET", "/list", "list")
    async def list(self, request: Request) -> StreamResponse:
        return StreamResponse([b"x", "y"])

    @http("GET", "/whole", "whole")
    async def whole(self, request: Request) -> StreamResponse:
        return StreamResponse(b"whole")  # type: ignore[arg-type]

    @http("GET", "/generator", "generator")
    async def generator(self, request: Request) -> StreamResponse:
        return StreamResponse(self.plain_pieces())

    def plain_pieces(self) -> Iterator[bytes]:
        try:
            while True:
                self.given += 1
                yield PIECE
        finally:
            asyncio.run_coroutine_threadsafe(self.close(), self.loop)

    async def close(self) -> None:
        self.closed.set()

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        beat = request.params.get("heartbeat")
        retry = request.params.get("retry")
        return EventStreamResponse(
            self.happenings(int(request.headers.get("Last-Event-ID", 0))),
            heartbeat=float(beat) if beat else None,
            retry=float(retry) if retry else None,
        )

    async def happenings(self, seen: int) -> AsyncIterator[ServerSentEvent]:
        try:
            await self.more.wait()
            for number in range(seen + 1, 4):
                yield ServerSentEvent(id=str(number), data=number)
        finally:
            self.closed.set()

    @http("GET", "/untyped", "untyped")
    async def untyped(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.one({"data": "x"}))

    @http("GET", "/large-events", "large_events")
    async def large_events(self, request: Request) -> EventStreamResponse:
        large = ServerSentEvent(data="x" * LARGE)
        return EventStreamResponse(self.one(large, large, large), heartbeat=0.01)

    @http("GET", "/flood", "flood")
    async def flood(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.floods(), heartbeat=0.01)

    async def floods(self) -> AsyncIterator[ServerSentEvent]:
        async for piece in self.pieces(100_000):
            yield ServerSentEvent(data=piece.decode())


class Own:
    """An iterable whose iterator is another object, which must be closed."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def __aiter__(self) -> "OwnIterator":
        return OwnIterator(self._sources)


class OwnIterator:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._pieces = [b"first"]

    def __aiter__(self) -> "OwnIterator":
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            await asyncio.Event().wait()
        return self._pieces.pop()

    async def aclose(self) -> None:
        self._sources.closed.set()


class Unread:
    """A source that must be closed, not read."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def __aiter__(self) -> AsyncIterator[bytes]:
        pytest.fail("was read")

    async def aclose(self) -> None:
        self._sources.closed.set()


KINDS: dict[str, Any] = {
    "bytearray": bytearray(b"piece"),
    "memoryview": memoryview(b"piece"),
    "str": "piece",
    "int": 5,
    "none": None,
    "dict": {},
}


async def lazy_client(application: Application, path: str) -> tuple[asyncio.StreamReader, Any]:
    """A client with small buffers, which receives little more than it reads."""
    server = application.servers["http"]
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (server.host, server.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader, writer


class Failures:
    """A source that fails, and whose cleanup waits for the test."""

    def __init__(self) -> None:
        self.closing, self.disconnected = asyncio.Event(), asyncio.Event()
        self.may_end, self.closed = asyncio.Event(), asyncio.Event()

    @http("GET", "/failing", "failing")
    async def failing(self, request: Request) -> StreamResponse:
        request.when_disconnected(self.disconnected.set)
        return StreamResponse(self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise ConnectionResetError("a write has failed")

    async def aclose(self) -> None:
        self.closing.set()
        await self.may_end.wait()
        self.closed.set()


class TestPace:
    async def test_source_is_not_read_ahead_of_the_client(self, serve: Serve) -> None:
        application = await serve(Sources)
        sources = application.injector.get(Sources)
        reader, writer = await lazy_client(application, "/fast?count=1000")
        taken = 0
        while piece := await reader.read(65_536):
            taken += len(piece)
            assert sources.given * len(PIECE) - taken < 16_000_000
            if sources.closed.is_set():
                break
        writer.transport.abort()

        assert sources.given == 1000

    @pytest.mark.parametrize("path", ["/fast", "/one-large", "/flood"])
    async def test_client_that_reads_nothing_reaches_the_send_timeout_and_closes_the_source(
        self, serve: Serve, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Also a large piece is written in chunks, so that only the buffers are filled."""
        caplog.set_level(logging.INFO, logger="rxkernel")
        application = await serve(Sources, http={"send_timeout": 0.2})
        sources = application.injector.get(Sources)
        _, writer = await lazy_client(application, path)
        async with asyncio.timeout(30):
            await sources.closed.wait()
        await until(
            lambda: "send timeout" in caplog.text
        )  # the log may come after the source was closed

        assert sources.given * len(PIECE) < 16_000_000
        assert not any(record.exc_info for record in caplog.records)
        writer.transport.abort()

    @pytest.mark.parametrize("path", ["/fast", "/one-large", "/flood"])
    async def test_client_disconnect_in_mid_write_closes_the_source_without_a_log(
        self, serve: Serve, path: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Sources)
        sources = application.injector.get(Sources)
        reader, writer = await lazy_client(application, path)
        await reader.readexactly(100)
        writer.transport.abort()
        async with asyncio.timeout(30):
            await sources.closed.wait()

        assert not caplog.records


class TestPieces:
    @pytest.mark.parametrize("kind", ["bytearray", "memoryview", "str"])
    async def test_piece_of_bytes_or_str_is_sent(
        self, serve: Serve, session: aiohttp.ClientSession, kind: str
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, f"/second/{kind}")) as response:
            assert await response.read() == b"firstpiece"

    @pytest.mark.parametrize("kind", ["int", "none", "dict"])
    async def test_piece_of_another_type_aborts_the_stream_and_is_logged(
        self,
        serve: Serve,
        session: aiohttp.ClientSession,
        kind: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, f"/of/{kind}")) as response:
            assert response.status == 500
        async with session.get(http_url(application, f"/second/{kind}")) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert application.injector.get(Sources).closed.is_set()
        assert caplog.text.count("must produce bytes or str") == 2

    async def test_source_that_is_a_list_is_sent(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/list")) as response:
            assert (response.status, await response.read()) == (200, b"xy")

    async def test_plain_generator_is_closed_when_its_client_disconnects(
        self, serve: Serve
    ) -> None:
        application = await serve(Sources)
        sources = application.injector.get(Sources)
        sources.loop = asyncio.get_running_loop()
        server = application.servers["http"]
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /generator HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(1000)
        writer.transport.abort()
        async with asyncio.timeout(20):
            await sources.closed.wait()

    async def test_source_being_closed_is_not_cancelled_by_the_disconnect(
        self, serve: Serve
    ) -> None:
        """As after a write that fails before the disconnect is noticed."""
        application = await serve(Failures)
        source = application.injector.get(Failures)
        server = application.servers["http"]
        _, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /failing HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(20):
            await source.closing.wait()
            writer.transport.abort()
            await source.disconnected.wait()
            source.may_end.set()
            await source.closed.wait()

    async def test_source_that_is_not_an_iterable_of_pieces_is_500(
        self, serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/whole")) as response:
            assert response.status == 500
        assert "the content of a StreamResponse is a bytes" in caplog.text

    async def test_client_disconnect_closes_the_iterator_of_the_source(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/waiting")) as response:
            await response.content.readexactly(5)
        async with asyncio.timeout(10):
            await application.injector.get(Sources).closed.wait()

    async def test_source_that_fails_after_the_disconnect_is_logged(
        self, serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/untidy")) as response:
            await response.content.readexactly(5)
        await until(lambda: "RuntimeError: the clean-up failed" in caplog.text)

    @pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
    async def test_response_without_a_body_closes_the_source_and_keeps_the_connection(
        self, serve: Serve, session: aiohttp.ClientSession, status: int, method: str
    ) -> None:
        """RFC 9112 §6.3: a body would be read as the next response."""
        application = await serve(Sources)
        url = http_url(application, f"/status/{status}")
        for _ in range(2):
            async with session.request(method, url) as response:
                assert (response.status, await response.read()) == (status, b"")
        assert application.injector.get(Sources).closed.is_set()

    async def test_connection_after_a_stream_serves_the_next_request(self, serve: Serve) -> None:
        application = await serve(Sources)
        server = application.servers["http"]
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET /of/str HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        for _ in range(3):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readuntil(b"0\r\n\r\n") == b"5\r\npiece\r\n0\r\n\r\n"
        writer.close()
        await writer.wait_closed()
        assert len(application.injector.get(Sources).protocols) == 1


class TestContentLength:
    async def test_content_length_correct_is_sent(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/long/6")) as response:
            assert response.headers["Content-Length"] == "6"
            assert await response.text() == "é1234"

    @pytest.mark.parametrize(
        ("length", "message"), [(5, "longer than"), (7, "1 bytes shorter than")]
    )
    async def test_content_length_wrong_aborts_the_stream(
        self,
        serve: Serve,
        session: aiohttp.ClientSession,
        length: int,
        message: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Plain aiohttp truncates a longer body; the next response completes a shorter one."""
        application = await serve(Sources)
        async with session.get(http_url(application, f"/long/{length}")) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert f"the stream is {message} its Content-Length" in caplog.text

    @pytest.mark.parametrize("length", ["-1", "x", "1.5", "²"])
    async def test_content_length_not_a_number_is_500(
        self, serve: Serve, session: aiohttp.ClientSession, length: str
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, f"/long/{length}")) as response:
            assert response.status == 500


def chunks(body: bytes) -> Iterator[bytes]:
    """RFC 9112 §7.1."""
    start = 0
    while size := int(body[start : (head := body.index(b"\r\n", start))], 16):
        yield body[head + 2 : head + 2 + size]
        start = head + 4 + size


class TestEvents:
    async def test_event_stream_silence_sends_a_heartbeat(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Sources)
        url = http_url(application, "/events")
        async with (
            session.get(url + "?heartbeat=0.02") as beating,
            session.get(url) as silent,
        ):
            for _ in range(3):
                assert await beating.content.readuntil(b"\n\n") == b":\n\n"
            application.injector.get(Sources).more.set()
            assert await silent.read() == b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n"
            assert (await beating.read()).endswith(b"id: 3\ndata: 3\n\n")

    async def test_event_stream_heartbeat_is_not_sent_within_an_event(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Sources)
        server = application.servers["http"]
        reader, writer = await asyncio.open_connection(server.host, server.port, limit=1024)
        writer.write(b"GET /large-events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with session.get(http_url(application, "/events?heartbeat=0.01")) as beating:
            for _ in range(10):
                await beating.content.readuntil(b"\n\n")
        await reader.readuntil(b"\r\n\r\n")
        received = []
        while piece := await reader.read(1_000_000):
            received.append(piece)
        writer.close()

        events = b"".join(chunks(b"".join(received)))
        events = events.replace(b"\n\n:\n\n", b"\n\n")
        assert events == (b"data: " + b"x" * LARGE + b"\n\n") * 3

    async def test_event_stream_retry_is_sent_first_in_milliseconds(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/events?retry=1.5")) as response:
            assert response.headers["X-Accel-Buffering"] == "no"
            assert await response.content.readuntil(b"\n\n") == b"retry: 1500\n\n"

    async def test_event_stream_with_last_event_id_continues_after_it(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        """HTML Standard, "The Last-Event-ID header"."""
        application = await serve(Sources)
        application.injector.get(Sources).more.set()
        headers = {"Last-Event-ID": "2"}
        async with session.get(http_url(application, "/events"), headers=headers) as response:
            assert await response.read() == b"id: 3\ndata: 3\n\n"

    async def test_event_stream_source_of_another_type_aborts_the_stream(
        self, serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/untyped")) as response:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert "yielded dict; it must yield ServerSentEvent(data=...)" in caplog.text

    async def test_event_stream_client_disconnect_between_heartbeats_closes_the_source(
        self, serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Sources)
        async with session.get(http_url(application, "/events?heartbeat=0.01")) as response:
            await response.content.readuntil(b"\n\n")
        async with asyncio.timeout(10):
            await application.injector.get(Sources).closed.wait()
        assert not caplog.records


class Once:
    """Its own iterator, for a ``for`` and an ``async for``."""

    def __init__(self, piece: Any) -> None:
        self.pieces = [piece]
        self.closed = 0

    def __next__(self) -> Any:
        if not self.pieces:
            raise StopIteration
        return self.pieces.pop()

    async def __anext__(self) -> Any:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop()

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class Plain(Once):
    def __iter__(self) -> Iterator[Any]:
        return self

    __anext__ = aclose = None  # type: ignore[assignment]


class Asynchronous(Once):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self


@pytest.mark.parametrize("source", [Plain, Asynchronous])
@pytest.mark.parametrize("kind", [StreamResponse, EventStreamResponse])
async def test_source_that_is_its_own_iterator_is_closed_once(
    serve: Serve, session: aiohttp.ClientSession, source: Any, kind: Any
) -> None:
    made: list[Once] = []

    class One:
        @http("GET", "/", "one")
        async def one(self) -> Any:
            made.append(source(b"x" if kind is StreamResponse else ServerSentEvent(data="x")))
            return kind(made[0])

    async with session.get(http_url(await serve(One), "/")) as response:
        assert b"x" in await response.read()

    assert made[0].closed == 1

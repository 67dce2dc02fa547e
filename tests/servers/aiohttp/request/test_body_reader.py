"""Bodies that are read in pieces, over a real connection."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from rxkernel import (
    Request,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    StreamResponse,
    http,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import chunk, post, raw_http
from tests.servers.taking import Taker
from tests.waiting import until

CHUNKED = "Transfer-Encoding: chunked"


class Streams(Taker):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[AsyncIterator[bytes]] = []

    @http("POST", "/keep", "keep")
    async def keep(self, body: AsyncIterator[bytes]) -> None:
        self.kept.append(body)

    @http("POST", "/upper", "upper")
    async def upper(self, body: AsyncIterator[bytes]) -> Response:
        async def louder() -> AsyncIterator[bytes]:
            async for piece in body:
                yield piece.upper()

        return StreamResponse(louder())

    @http("POST", "/again", "again")
    async def again(self, request: Request) -> list[Any]:
        """The pieces of `stream`, for a body that has been read."""
        pieces = [piece.decode() async for piece in request.stream()]
        try:
            request.stream()
        except RuntimeError as exc:
            return [pieces, str(exc)]
        return [pieces]


async def test_streamed_body_is_read_while_it_arrives(serve: Serve) -> None:
    application = await serve(Streams)
    taker = application.injector.get(Streams)

    async with raw_http(application) as client:
        await client.send(post("/stream", CHUNKED))
        for size in (2, 4, 6):
            await client.send(chunk(b"ab"))
            await until(lambda size=size: taker.read == size)  # type: ignore[misc]
        await client.send(b"0\r\n\r\n")
        assert (await client.answer()).json == 6


async def test_request_timeout_does_not_run_while_the_client_sends(serve: Serve) -> None:
    """``request_timeout`` limits the time of the action; a body has its own timeout."""
    application = await serve(Taker, request_timeout=0.5)
    taker = application.injector.get(Taker)

    async with raw_http(application) as client:
        await client.send(post("/stream", CHUNKED))
        for size in (1, 2, 3):
            await asyncio.sleep(0.3)  # a slow client
            await client.send(chunk(b"a"))
            await until(lambda size=size: taker.read == size)  # type: ignore[misc]
        await client.send(b"0\r\n\r\n")
        assert (await client.answer()).json == 3


async def test_request_timeout_runs_while_the_action_handles_a_piece(serve: Serve) -> None:
    application = await serve(Taker, request_timeout=0.1)
    application.injector.get(Taker).may_read.clear()

    async with raw_http(application) as client:
        await client.send(post("/stream", CHUNKED), chunk(b"a"))
        assert (await client.answer()).json["code"] == "timeout"


async def test_streamed_body_is_not_read_ahead_of_the_action(serve: Serve) -> None:
    """Only the buffers of aiohttp and of the system are filled in advance."""
    application = await serve(Streams)
    taker = application.injector.get(Streams)
    taker.may_read.clear()
    size = 50_000_000

    async with raw_http(application) as client:
        client.writer.write(post("/stream", f"Content-Length: {size}") + bytes(size))
        await until(lambda: taker.read)
        waits = client.writer.transport.get_write_buffer_size
        left = -1
        while left != waits():
            left = waits()
            async with raw_http(application) as other:  # the client has filled the buffers by then
                await other.send(post("/take", body=b"x"))
                await other.answer()
        assert left > size // 2
        assert taker.read < 2_000_000
        taker.may_read.set()
        assert (await client.answer()).json == size


async def test_streamed_body_can_be_read_while_the_response_is_sent(serve: Serve) -> None:
    application = await serve(Streams)

    async with raw_http(application) as client:
        await client.send(post("/upper", CHUNKED), chunk(b"one"))
        assert b"3\r\nONE\r\n" in await client.reader.readuntil(b"ONE\r\n")
        await client.send(chunk(b"two"), b"0\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"3\r\nTWO\r\n0\r\n\r\n"


async def test_streamed_body_is_decompressed(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Streams)
    data, headers = gzip.compress(bytes(1_000_000)), {"Content-Encoding": "gzip"}

    async with session.post(
        http_url(application, "/stream"), data=data, headers=headers
    ) as response:
        assert await response.json() == 1_000_000


async def test_streamed_body_may_be_empty(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Streams)

    async with session.post(http_url(application, "/stream")) as response:
        assert await response.json() == 0


@pytest.mark.parametrize("path", ["/ignore", "/nowhere", "/take"])
async def test_body_not_read_to_its_end_keeps_the_connection_usable(
    serve: Serve, path: str
) -> None:
    application = await serve(Streams, http={"body_limit": 1000})
    body = bytes(2_000_000)

    async with raw_http(application) as client:
        await client.send(post(path, body=body))
        assert (await client.answer()).status in (200, 404, 413)
        await client.send(post("/take", body=b"123"))
        assert (await client.answer()).json["size"] == 3


@pytest.mark.parametrize("path", ["/stream", "/take"])
async def test_server_stop_ends_waiting_for_a_body(
    serve: Serve, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Streams, shutdown_timeout=0.1)
    caplog.set_level(logging.DEBUG)

    async with raw_http(application) as client:
        await client.send(post(path, "Content-Length: 9"), b"abc")
        if path == "/stream":
            await until(lambda: application.injector.get(Streams).read)
        else:
            async with raw_http(application) as other:
                await other.send(post("/take", body=b"x"))
                await other.answer()
        await application.stop()
        rest = await client.closed()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 503")
    assert [record for record in caplog.records if record.exc_info] == []


async def test_streamed_body_read_after_the_response_raises(serve: Serve) -> None:
    application = await serve(Streams)

    async with raw_http(application) as client:
        await client.send(post("/keep", "Content-Length: 9"), b"abc")
        assert (await client.answer()).status == 200
        await client.send(b"defghi", post("/take", body=b"x"))
        assert (await client.answer()).status == 200
    [kept] = application.injector.get(Streams).kept
    with pytest.raises(RuntimeError, match="cannot be read after the response was sent"):
        await anext(kept)


async def test_stream_of_a_body_that_was_read_can_be_called_once(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Streams)
    url = http_url(application, "/again")

    async with session.post(url, json={"a": 1}) as response:
        pieces, error = await response.json()
    assert pieces == ['{"a": 1}']
    assert error == "stream() can be called only once"
    async with session.post(url) as response:
        assert (await response.json())[0] == []


async def test_body_read_by_a_middleware_is_loaded(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    @web.middleware
    async def sign(native: web.Request, handler: Any) -> web.StreamResponse:
        await native.read()
        answer: web.StreamResponse = await handler(native)
        return answer

    class Signed:
        @observe(ServerEvents.CONFIGURE)
        async def add(self, event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.middlewares.append(sign)

    application = await serve(Taker, listeners=[Signed])

    async with session.post(http_url(application, "/take"), json=[1]) as response:
        assert await response.json() == {"body": [1], "size": 3}


@pytest.mark.parametrize("kind", ["msgpack", "vnd.msgpack", "x-msgpack"])
async def test_messagepack_body_is_decoded_and_malformed_is_400(
    serve: Serve, session: aiohttp.ClientSession, kind: str
) -> None:
    application = await serve(Taker)
    url, headers = http_url(application, "/take"), {"Content-Type": f"application/{kind}"}

    async with session.post(url, data=msgspec.msgpack.encode({"a": 1}), headers=headers) as answer:
        assert (await answer.json())["body"] == {"a": 1}
    for bad in (b"\xc1", b"\x91" * 65 + b"\x90", b"\x91" * 100_000):
        async with session.post(url, data=bad, headers=headers) as answer:
            assert answer.status == 400


async def test_bodies_of_many_concurrent_requests_are_read(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Taker)
    url = http_url(application, "/take")

    async def one(size: int) -> int:
        async with session.post(url, data=bytes(size)) as response:
            got: int = (await response.json())["size"]
            return got

    sizes = [number * 10_000 for number in range(1, 50)]
    assert await asyncio.gather(*map(one, sizes)) == sizes

"""Responses that contain what users have sent."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from rxkernel import (
    EventStreamResponse,
    RedirectResponse,
    Request,
    Response,
    ServerSentEvent,
    TooManyRequestsException,
    http,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until


class FromUsers:
    """Puts what a user sends where it does not belong."""

    @http("POST", "/header/{way}", "header")
    async def header(self, request: Request) -> Response:
        value = request.body
        match request.params["way"]:
            case "constructor":
                return Response("x", headers={"X-User": value})
            case "item":
                response = Response("x")
                response.headers["X-User"] = value
            case "name":
                response = Response("x", headers={value: "x"})
            case "exception":
                raise TooManyRequestsException(headers={"X-User": value})
            case "cookie-path":
                response = Response("x")
                response.set_cookie("sid", "x", path=value)
            case _:
                raise NotImplementedError
        return response

    @http("GET", "/framed", "framed")
    async def framed(self, request: Request) -> Response:
        content = "x" if request.method == "GET" else None
        return Response(content, headers=dict(request.params))

    @http("POST", "/redirect", "redirect")
    async def redirect(self, request: Request) -> Response:
        return RedirectResponse(request.body, hosts=["example.org"])

    @http("POST", "/cookie", "cookie")
    async def cookie(self, request: Request) -> Response:
        response = Response("x")
        response.set_cookie(request.param("name", str), request.body)
        return response


@pytest.mark.parametrize(
    ("way", "value"),
    [
        pytest.param("constructor", "a\r\nX-Evil: 1", id="CRLF-constructor"),
        pytest.param("item", "a\r\nX-Evil: 1", id="CRLF-item"),
        pytest.param("exception", "a\r\nX-Evil: 1", id="CRLF-exception"),
        pytest.param("cookie-path", "/\r\nX-Evil: 1", id="CRLF-cookie-path"),
        pytest.param("item", "a\r\n\r\n<script>", id="CRLF-body"),
        pytest.param("item", "a\nX-Evil: 1", id="LF"),
        pytest.param("item", "a\rX-Evil: 1", id="CR"),
        pytest.param("item", "a\0", id="NUL"),
        pytest.param("item", "a\x1b[2J", id="escape"),
        pytest.param("name", "X-Evil: 1\r\nX", id="name"),
    ],
)
async def test_response_header_with_a_control_character_is_500(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    way: str,
    value: str,
) -> None:
    """Plain aiohttp drops the connection without an answer."""
    application = await serve(FromUsers)

    async with session.post(http_url(application, f"/header/{way}"), data=value) as response:
        assert (response.status, await response.json()) == (
            500,
            {"statusCode": 500, "message": "Internal Server Error"},
        )
        assert not {"X-Evil", "X-User", "Set-Cookie"} & set(response.headers)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    async with session.post(http_url(application, "/header/item"), data="fine") as response:
        assert response.headers["X-User"] == "fine"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Content-Length=100", id="length-too-long"),
        pytest.param("Content-Length=0", id="length-too-short"),
        pytest.param("Content-Length=x", id="length-no-number"),
        pytest.param("Transfer-Encoding=chunked", id="chunked-that-is-not"),
    ],
)
async def test_framing_headers_of_the_action_are_replaced(
    serve: Serve, session: aiohttp.ClientSession, header: str
) -> None:
    """RFC 9112 §6.3: the client would wait, or take the rest for the next answer."""
    url = http_url(await serve(FromUsers), f"/framed?{header}")
    for _ in range(2):
        async with session.get(url) as response:
            assert (response.status, await response.text()) == (200, "x")
            assert response.headers["Content-Length"] == "1"
            assert "Transfer-Encoding" not in response.headers


async def test_content_length_of_the_action_is_kept_for_head(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RFC 9110 §9.3.2."""
    url = http_url(await serve(FromUsers), "/framed?Content-Length=100")
    async with session.head(url) as response:
        assert response.headers["Content-Length"] == "100"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("//evil", id="two-slashes"),
        pytest.param("///evil", id="three-slashes"),
        pytest.param("https:evil", id="scheme-without-slashes"),
        pytest.param("https://evil", id="other-site"),
        pytest.param("https://example.org@evil", id="userinfo"),
        pytest.param("https://example.org.evil", id="longer-host"),
        pytest.param("\\\\evil", id="backslashes"),
        pytest.param("/\\evil", id="slash-backslash"),
        pytest.param("%2f%2fevil", id="encoded"),
        pytest.param("%5c%5cevil", id="encoded-backslashes"),
        pytest.param("/\t/evil", id="tab"),
        pytest.param(" //evil", id="space"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("java\nscript:alert(1)", id="javascript-in-two-lines"),
        pytest.param("/x\r\nX-Evil: 1", id="CRLF"),
    ],
)
async def test_redirect_to_another_site_is_400(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    """Plain aiohttp answers 302."""
    application = await serve(FromUsers)
    url = http_url(application, "/redirect")

    async with session.post(url, data=target, allow_redirects=False) as response:
        assert response.status == 400
        assert "hosts=" in (await response.json())["message"]
        assert "Location" not in response.headers
    for fine in ("/home", "https://example.org/home"):
        async with session.post(url, data=fine, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, fine)
    assert not caplog.records, "a user could fill the log"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("sid", "x" * 8192, id="set-8-KB"),
        pytest.param("__Host-sid", "x", id="set-host-prefix"),
        pytest.param("__secure-sid", "x", id="set-secure-prefix"),
        pytest.param("a b", "x", id="set-no-token"),
        pytest.param("a;b", "x", id="set-semicolon"),
        pytest.param("", "x", id="set-no-name"),
    ],
)
async def test_cookie_that_browsers_reject_is_500(
    serve: Serve, session: aiohttp.ClientSession, name: str, value: str
) -> None:
    application = await serve(FromUsers)
    url = URL(http_url(application, "/cookie")).with_query(name=name)

    async with session.post(url, data=value) as response:
        assert response.status == 500
        assert "Set-Cookie" not in response.headers


async def test_cookie_value_cannot_add_an_attribute(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(FromUsers)
    url = http_url(application, "/cookie?name=sid")

    async with session.post(url, data='x"; Domain=evil; a="') as response:
        assert response.status == 200
        assert response.headers["Set-Cookie"].count(";") == 2  # Path, SameSite
    async with session.post(url, data="x\r\nX-Evil: 1") as response:
        assert response.status == 500
        assert not {"Set-Cookie", "X-Evil"} & set(response.headers)


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
        await until(lambda: "send timeout" in caplog.text)  # the system may be quicker to cut it
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
